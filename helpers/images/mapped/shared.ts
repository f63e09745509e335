import { join } from 'node:path'
import type { Host } from '../../host/host.ts'
import type { Bytes } from '../../units.ts'
import type { VmaEntry } from '../generated/criu_pb.ts'
import type { ImageSet } from '../image-set.ts'
import { pagemapFlag } from '../pagemap.ts'
import type { Area, Run } from './areas.ts'
import { compareParts, type Pair } from './extents.ts'
import { memoriesOf, type Memory } from './memory.ts'
import { WORTH_MAPPING } from './policy.ts'

/** An area gets a part of the backing file of its own if more than this part of it, and more than WORTH_MAPPING, differs. */
const MOST_DIFFERENT = 1 / 8

/** A child's area that maps the part of the backing file of another process. */
export interface Shared {
  /** The area of that process. */
  readonly owner: VmaEntry
  /** The pages that the child has of its own: CRIU reads them. Those without `stored` are zeros. */
  readonly own: readonly Run[]
}

/** By the VMA of the child. */
export type SharedAreas = ReadonlyMap<VmaEntry, Shared>

/** Where a dump is on `host`, and a folder there for temporary files. */
export interface DumpOnHost {
  readonly host: Host
  readonly dump: string
  readonly temporary: string
}

interface Owned {
  readonly area: Area
  readonly pagesFile: string
}

/**
 * Finds the mapped areas of children that have hardly changed since the fork, by comparing their pages with those of
 * the parent. Throws a CriuBenchError if pages cannot be read.
 */
export async function findShared(set: ImageSet, on: DumpOnHost, worthMapping?: Bytes): Promise<SharedAreas> {
  const memories = memoriesOf(set, worthMapping)
  const shared = new Map<VmaEntry, Shared>()
  /** For each process, who owns the part of the backing file that an area of it maps. */
  const owners = new Map<number, Map<string, Owned>>()
  for (const memory of memories) {
    const inherited = owners.get(memory.parent) ?? new Map<string, Owned>()
    const mapped = memory.areas.filter(({ decision }) => decision.mapped)
    const pairs = mapped.flatMap((area) => {
      const owner = inherited.get(keyOf(area))
      return owner ? [{ area, owner }] : []
    })
    for (const [vma, found] of await comparePairs(memory, pairs, on)) shared.set(vma, found)
    owners.set(
      memory.pid,
      new Map(
        mapped.map((area) => {
          const own = { area, pagesFile: memory.pagesFile }
          return [keyOf(area), shared.has(area.vma) ? (inherited.get(keyOf(area)) ?? own) : own]
        }),
      ),
    )
  }
  return shared
}

/** Areas of two processes with the same key can map the same part of the backing file. */
const keyOf = ({ vma, file }: Area): string =>
  [vma.start, vma.end, file?.path ?? '', file?.offset ?? ''].join(' ')

async function comparePairs(
  { pagesFile, bytesPerPage }: Memory,
  pairs: ReadonlyArray<{ readonly area: Area; readonly owner: Owned }>,
  { host, dump, temporary }: DumpOnHost,
): Promise<Array<readonly [VmaEntry, Shared]>> {
  const parts = pairs.map((pair) => ({ ...pair, ...overlay(pair.area, pair.owner.area) }))
  const compared = parts.flatMap(({ owner, both }) =>
    both.map(({ one, other, length }): Pair => ({
      first: { file: join(dump, pagesFile), offset: one },
      second: { file: join(dump, owner.pagesFile), offset: other },
      length,
    })),
  )
  if (compared.length === 0) return []
  const differences = Map.groupBy(
    await compareParts(host, compared, { bytesPerPage, folder: temporary }),
    ({ pair }) => pair,
  )
  let next = 0
  return parts.flatMap(({ area, owner, both, alone, gone }) => {
    const different = both.flatMap(({ start, one }) => {
      const pair = compared[next++]
      const found = (pair && differences.get(pair)) ?? []
      return found.map((each): Run => stored(start + each.start, each.length, one + each.start))
    })
    const own = [...alone, ...different, ...gone].toSorted((a, b) => (a.start < b.start ? -1 : 1))
    const bytes = own.reduce((sum, { length }) => sum + Number(length), 0)
    // What a child has discarded of a program's own data is in the program's file, not zeros.
    const most = Math.max(area.present * MOST_DIFFERENT, WORTH_MAPPING)
    if (bytes > most || (area.file && gone.length > 0)) return []
    return [[area.vma, { owner: owner.area.vma, own }] as const]
  })
}

const stored = (start: bigint, length: bigint, at: bigint | undefined): Run => ({
  start,
  length,
  flags: pagemapFlag.PRESENT,
  stored: at,
})

/** Pages that both processes have, with their offsets in the pages files; pages of the child alone; pages it has no more. */
function overlay(child: Area, owner: Area) {
  const both: Array<{ start: bigint; length: bigint; one: bigint; other: bigint }> = []
  const alone: Run[] = []
  const gone: Run[] = []
  const starts = [...bordersOf(child), ...bordersOf(owner)].toSorted((a, b) => (a < b ? -1 : 1))
  const [ofChild, ofOwner] = [lookupIn(child), lookupIn(owner)]
  for (const [index, start] of starts.entries()) {
    const length = (starts[index + 1] ?? start) - start
    const [one, other] = [ofChild(start), ofOwner(start)]
    if (length === 0n) continue
    if (one !== undefined && other !== undefined) both.push({ start, length, one, other })
    else if (one !== undefined) alone.push(stored(start, length, one))
    else if (other !== undefined) gone.push(stored(start, length, undefined))
  }
  return { both, alone, gone }
}

const bordersOf = ({ runs }: Area): bigint[] => runs.flatMap(({ start, length }) => [start, start + length])

/** Looks up the offset in the pages file for one address after another, in ascending order. */
function lookupIn({ runs }: Area): (address: bigint) => bigint | undefined {
  let next = 0
  return (address) => {
    while (next < runs.length && endOf(runs[next]) <= address) next++
    const run = runs[next]
    if (!run || run.stored === undefined || run.start > address) return undefined
    return run.stored + (address - run.start)
  }
}

const endOf = (run: Run | undefined): bigint => (run ? run.start + run.length : 0n)
