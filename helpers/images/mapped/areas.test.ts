import { create } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { KB, MB } from '../../units.ts'
import { PagemapEntrySchema, VmaEntrySchema, type VmaEntry } from '../generated/criu_pb.ts'
import { vmaStatus } from '../vma.ts'
import { areasOf } from './areas.ts'

const PAGE = 4096n
const START = 0x7000_0000_0000n
const GB = 1024n * BigInt(MB)

const anonymous = (start: bigint, length: bigint): VmaEntry =>
  create(VmaEntrySchema, {
    start,
    end: start + length,
    status: vmaStatus.REGULAR | vmaStatus.ANON_PRIVATE,
    pgoff: 0n,
    shmid: 0n,
    prot: 3,
    flags: 0x22,
    fd: -1n,
  })

const pages = (vaddr: bigint, bytes: number) =>
  create(PagemapEntrySchema, { vaddr, compatNrPages: bytes / Number(PAGE), flags: 4 })

/** Areas of 512 kB with a hole after each. Every hundredth one is larger. */
function manyAreas(count: number) {
  const starts = Array.from({ length: count }, (_, index) => START + BigInt(index) * BigInt(MB))
  const vmas = starts.map((start) => anonymous(start, BigInt(768 * KB)))
  const pagemap = starts.map((start, index) => pages(start, (index % 100 === 0 ? 768 : 512) * KB))
  return { vmas, pagemap }
}

function timeOf(count: number): number {
  const { vmas, pagemap } = manyAreas(count)
  const started = performance.now()
  areasOf(vmas, pagemap, PAGE)
  return performance.now() - started
}

describe('the areas of a process', () => {
  test('are mapped up to the number that a process can open, the largest first', () => {
    const { vmas, pagemap } = manyAreas(1000)
    const mapped = areasOf(vmas, pagemap, PAGE).areas.filter(({ decision }) => decision.mapped)
    expect(mapped).toHaveLength(256)
    expect(mapped.filter(({ present }) => present === 768 * KB)).toHaveLength(10)
  })

  test('are found in linear time', () => {
    const [few, many] = [5000, 40_000].map((count) => Math.min(timeOf(count), timeOf(count)))
    // Quadratic time would be 64 times as long.
    expect(many).toBeLessThan(32 * (few ?? 0))
  })

  test('are cut at large gaps without pages, so that a sparse area does not make a huge file', () => {
    const vma = anonymous(START, 256n * GB)
    const pagemap = [pages(START, MB), pages(START + 100n * GB, 4 * KB), pages(START + 200n * GB, MB)]
    const { areas, loose } = areasOf([vma], pagemap, PAGE)
    expect(loose).toEqual([])
    const found = areas.map(({ vma: { start, end }, present, decision }) => ({
      from: (start - START) / GB,
      length: end - start,
      present,
      mapped: decision.mapped,
    }))
    expect(found).toEqual([
      { from: 0n, length: BigInt(MB), present: MB, mapped: true },
      { from: 0n, length: 100n * GB - BigInt(MB), present: 0, mapped: false },
      { from: 100n, length: PAGE, present: 4 * KB, mapped: false },
      { from: 100n, length: 100n * GB - PAGE, present: 0, mapped: false },
      { from: 200n, length: BigInt(MB), present: MB, mapped: true },
      { from: 200n, length: 56n * GB - BigInt(MB), present: 0, mapped: false },
    ])
    expect(areas.every(({ dumped }) => dumped === vma)).toBe(true)
  })

  test('are read if they are sparse without large gaps', () => {
    const pagemap = Array.from({ length: 100 }, (_, index) =>
      pages(START + BigInt(index) * BigInt(100 * MB), 4 * KB),
    )
    const { areas } = areasOf([anonymous(START, 100n * BigInt(100 * MB))], pagemap, PAGE)
    expect(areas.map(({ decision }) => decision.why)).toEqual([expect.stringMatching(/^sparse: /)])
  })
})
