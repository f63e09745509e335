import type { Bytes } from '../../units.ts'
import type { PagemapEntry, VmaEntry } from '../generated/criu_pb.ts'
import { pageCount, pagemapFlag, pagemapFlags } from '../pagemap.ts'
import { isVma } from '../vma.ts'
import { decide, type Decision } from './policy.ts'
import type { ProgramFiles } from './program-files.ts'

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
  /** The part of a program's file that the VMA maps, if it is a program's own data. */
  readonly file: FilePart | undefined
}

export interface FilePart {
  /** Absolute, relative to the root directory of the process. */
  readonly path: string
  /** Bytes. What the VMA maps behind the end of the file is not in `length`, and reads as zeros. */
  readonly offset: bigint
  readonly length: bigint
}

/**
 * The memory of one process as areas, ordered by address. Pagemap entries that span several VMAs are split at the
 * borders. `loose` has the runs outside of all VMAs, which CRIU ignores and a rewrite keeps. `programs` are the files whose
 * private mappings are a program's own data.
 */
export function areasOf(
  vmas: readonly VmaEntry[],
  pagemap: readonly PagemapEntry[],
  bytesPerPage: bigint,
  programs: ProgramFiles = new Map(),
): { areas: Area[]; loose: Run[] } {
  const sorted = vmas.toSorted((a, b) => (a.start < b.start ? -1 : 1))
  const runs = splitAtBorders(runsOf(pagemap, bytesPerPage), sorted)
  const byVma = Map.groupBy(runs, ({ start }) =>
    sorted.findLast((vma) => vma.start <= start && start < vma.end),
  )
  const areas = sorted.map((vma) => area(vma, byVma.get(vma) ?? [], partOf(vma, programs, bytesPerPage)))
  return { areas, loose: byVma.get(undefined) ?? [] }
}

function area(vma: VmaEntry, runs: readonly Run[], file: FilePart | undefined): Area {
  const present = Number(runs.reduce((sum, run) => sum + (run.stored === undefined ? 0n : run.length), 0n))
  const inParent = runs.some(({ flags }) => (flags & pagemapFlag.PARENT) !== 0)
  const decision = decide(vma, { present, inParent, isProgramData: file !== undefined })
  return { vma, runs, present, decision, file }
}

/** Undefined for a VMA that maps no program, or has pages that end behind the program's file (they cannot be read). */
function partOf(vma: VmaEntry, programs: ProgramFiles, bytesPerPage: bigint): FilePart | undefined {
  const program = isVma(vma, 'FILE_PRIVATE') ? programs.get(Number(vma.shmid)) : undefined
  const length = vma.end - vma.start
  if (!program || vma.pgoff + length >= program.size + bytesPerPage) return undefined
  const readable = program.size - vma.pgoff
  return { path: program.path, offset: vma.pgoff, length: readable < length ? readable : length }
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
