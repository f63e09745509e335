import { describe, expect, test } from 'vitest'
import { filesystemRoom } from '../checkpoint/memory-requirements.ts'
import { MB } from '../units.ts'
import { together, type Cell } from './matrix.ts'

const cell = (filesystem: string, megabytes: number, cold?: true): Cell => ({
  title: `${filesystem} ${megabytes}MB mapped${cold ? ' cold' : ''}`,
  filesystem,
  size: megabytes * MB,
  strategy: 'mapped',
  handler: 'native',
  ...(cold && { cold }),
})

const grouped = (cells: readonly Cell[], memory: number): string[][] =>
  together(
    cells.map((each) => [each]),
    memory,
  ).map((group) => group.map(({ title }) => title))

describe('pairs that are measured in turn', () => {
  const sizes = [cell('tmpfs', 1), cell('tmpfs', 4), cell('tmpfs', 16)]
  const room = sizes.reduce((sum, { size }) => sum + filesystemRoom(size), 0)

  test('are as many as fit into half of the memory', () => {
    const titles = sizes.map(({ title }) => title)
    expect(grouped(sizes, 2 * room)).toEqual([titles])
    expect(grouped(sizes, 2 * room - 2)).toEqual([titles.slice(0, 2), titles.slice(2)])
    expect(grouped(sizes, 0)).toEqual(titles.map((title) => [title]))
  })

  test('are on one filesystem, and cold ones by themselves', () => {
    const cells = [
      cell('tmpfs', 1),
      cell('ceph', 1),
      cell('ceph', 1, true),
      cell('ceph', 4),
      cell('ceph', 16),
    ]
    expect(grouped(cells, Number.MAX_SAFE_INTEGER)).toEqual([
      ['tmpfs 1MB mapped'],
      ['ceph 1MB mapped'],
      ['ceph 1MB mapped cold'],
      ['ceph 4MB mapped', 'ceph 16MB mapped'],
    ])
  })
})
