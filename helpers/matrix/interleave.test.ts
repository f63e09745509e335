import { describe, expect, test } from 'vitest'
import { filesystemRoom } from '../checkpoint/memory-requirements.ts'
import { filesystem } from '../filesystems/index.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { MB } from '../units.ts'
import type { SharedCheckpoint } from './benchmark-case.ts'
import { interleaved } from './interleave.ts'

const checkpoint = (name: string, megabytes: number, cold = false): SharedCheckpoint => ({
  filesystem: filesystem(name),
  size: megabytes * MB,
  handler: handlerNamed('native'),
  cold,
  cases: [],
})

const grouped = (checkpoints: readonly SharedCheckpoint[], memory: number): SharedCheckpoint[][] =>
  interleaved(checkpoints, memory).map((group) => [...group.checkpoints])

describe('checkpoints that are measured in turn', () => {
  const sizes = [checkpoint('tmpfs', 1), checkpoint('tmpfs', 4), checkpoint('tmpfs', 16)]
  const room = sizes.reduce((sum, { size }) => sum + filesystemRoom(size), 0)

  test('fill at most half of the memory', () => {
    expect(grouped(sizes, 2 * room)).toEqual([sizes])
    expect(grouped(sizes, 2 * room - 2)).toEqual([sizes.slice(0, 2), sizes.slice(2)])
    expect(grouped(sizes, 0)).toEqual(sizes.map((each) => [each]))
  })

  test('share a filesystem, and include no cold checkpoint', () => {
    const [tmpfs, ceph, cold, larger, largest] = [
      checkpoint('tmpfs', 1),
      checkpoint('ceph', 1),
      checkpoint('ceph', 1, true),
      checkpoint('ceph', 4),
      checkpoint('ceph', 16),
    ]
    expect(grouped([tmpfs, ceph, cold, larger, largest], Number.MAX_SAFE_INTEGER)).toEqual([
      [tmpfs],
      [ceph],
      [cold],
      [larger, largest],
    ])
  })
})
