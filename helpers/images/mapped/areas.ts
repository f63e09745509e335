import type { Bytes } from '../../units.ts'
import type { PagemapEntry, VmaEntry } from '../generated/criu_pb.ts'
import { pageCount, pagemapFlag, pagemapFlags } from '../pagemap.ts'
import { decide, type Decision } from './policy.ts'

/** Consecutive pages of one VMA that are stored in the same way. */
export interface Run {
  /** Address of the first byte. */
  readonly start: bigint
  /** Bytes. */
  readonly length: bigint
  readonly flags: number
  /** Offset in the pages file in bytes; undefined if the pages are not in it. */
  readonly stored: bigint | undefined
}

/** A VMA with its pages in the dump and the decision whether to map it. */
export interface Area {
  readonly vma: VmaEntry
  readonly runs: readonly Run[]
  /** How many of its bytes are in the dump. */
  readonly present: Bytes
  readonly decision: Decision
}

/**
 * The memory of one process as areas, ordered by address. Pagemap entries that span several VMAs are split at the
 * borders. `loose` has the runs outside of all VMAs, which CRIU ignores and a rewrite keeps.
 */
export function areasOf(
  vmas: readonly VmaEntry[],
  pagemap: readonly PagemapEntry[],
  bytesPerPage: bigint,
): { areas: Area[]; loose: Run[] } {
  const sorted = vmas.toSorted((a, b) => (a.start < b.start ? -1 : 1))
  const runs = splitAtBorders(runsOf(pagemap, bytesPerPage), sorted)
  const byVma = Map.groupBy(runs, ({ start }) => vmaAt(sorted, start))
  const areas = sorted.map((vma) => area(vma, byVma.get(vma) ?? []))
  return { areas, loose: byVma.get(undefined) ?? [] }
}

/** The VMA that contains an address, by binary search. */
function vmaAt(sorted: readonly VmaEntry[], address: bigint): VmaEntry | undefined {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle]?.start ?? 0n) <= address) low = middle + 1
    else high = middle
  }
  const vma = sorted[low - 1]
  return vma && address < vma.end ? vma : undefined
}

function area(vma: VmaEntry, runs: readonly Run[]): Area {
  const present = Number(runs.reduce((sum, run) => sum + (run.stored === undefined ? 0n : run.length), 0n))
  const inParent = runs.some(({ flags }) => (flags & pagemapFlag.PARENT) !== 0)
  return { vma, runs, present, decision: decide(vma, present, inParent) }
}

/** The pages file has the pages of the PRESENT entries one after another. */
function runsOf(pagemap: readonly PagemapEntry[], bytesPerPage: bigint): Run[] {
  let offset = 0n
  return pagemap.map((entry) => {
    const flags = pagemapFlags(entry)
    const length = pageCount(entry) * bytesPerPage
    const stored = (flags & pagemapFlag.PRESENT) === 0 ? undefined : offset
    if (stored !== undefined) offset += length
    return { start: entry.vaddr, length, flags, stored }
  })
}

function splitAtBorders(runs: readonly Run[], vmas: readonly VmaEntry[]): Run[] {
  const borders = [...new Set(vmas.flatMap(({ start, end }) => [start, end]))].toSorted((a, b) =>
    a < b ? -1 : 1,
  )
  let next = 0
  return runs.flatMap((run) => {
    const end = run.start + run.length
    while (next < borders.length && (borders[next] ?? end) <= run.start) next++
    const inside: bigint[] = []
    for (let index = next; (borders[index] ?? end) < end; index++) inside.push(borders[index] ?? end)
    return [run.start, ...inside].map((start, index) => part(run, start, inside[index] ?? end))
  })
}

const part = (run: Run, start: bigint, end: bigint): Run => ({
  ...run,
  start,
  length: end - start,
  stored: run.stored === undefined ? undefined : run.stored + (start - run.start),
})
