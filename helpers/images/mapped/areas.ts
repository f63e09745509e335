import type { Bytes } from '../../units.ts'
import { VmaEntrySchema, type PagemapEntry, type VmaEntry } from '../generated/criu_pb.ts'
import { pageCount, pagemapFlag, pagemapFlags } from '../pagemap.ts'
import { isVma } from '../vma.ts'
import { changed } from '../wire.ts'
import { decide, WORTH_MAPPING, type Decision } from './policy.ts'
import type { ProgramFiles } from './program-files.ts'

/** A process may have 1024 open files by default, and CRIU opens the file of an area that lies between two others. */
const MOST_MAPPED = 256
/** Bytes. */
const LARGE_GAP = 256n * 1024n * 1024n

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

/** A VMA, or a piece of one, with its pages in the dump and the decision whether to map it. */
export interface Area {
  readonly vma: VmaEntry
  /** The VMA in the dump. It is `vma`, unless that is a piece of it. */
  readonly dumped: VmaEntry
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
 * private mappings are a program's own data. Areas with less than `worthMapping` bytes in the dump are not mapped.
 */
export function areasOf(
  vmas: readonly VmaEntry[],
  pagemap: readonly PagemapEntry[],
  bytesPerPage: bigint,
  programs: ProgramFiles = new Map(),
  worthMapping: Bytes = WORTH_MAPPING,
): { areas: Area[]; loose: Run[] } {
  const sorted = vmas.toSorted((a, b) => (a.start < b.start ? -1 : 1))
  const runs = splitAtBorders(runsOf(pagemap, bytesPerPage), sorted)
  const { inside, loose } = assign(runs, sorted)
  const areas = sorted.flatMap((dumped) => {
    const file = partOf(dumped, programs, bytesPerPage)
    const whole = area({ dumped, vma: dumped, runs: inside.get(dumped) ?? [], file }, worthMapping)
    return isVma(dumped, 'ANON_PRIVATE') && whole.present > 0 ? withoutGaps(whole, worthMapping) : [whole]
  })
  return { areas: largestMapped(areas), loose }
}

function area(
  { dumped, vma, runs, file }: Pick<Area, 'dumped' | 'vma' | 'runs' | 'file'>,
  worthMapping: Bytes,
): Area {
  const present = Number(runs.reduce((sum, run) => sum + (run.stored === undefined ? 0n : run.length), 0n))
  const inParent = runs.some(({ flags }) => (flags & pagemapFlag.PARENT) !== 0)
  const decision = decide(vma, { present, inParent, isProgramData: file !== undefined, worthMapping })
  return { dumped, vma, runs, present, decision, file }
}

/** The runs of each VMA, in the order of addresses. */
function assign(runs: readonly Run[], sorted: readonly VmaEntry[]) {
  const inside = new Map<VmaEntry, Run[]>(sorted.map((vma) => [vma, []]))
  const loose: Run[] = []
  let next = 0
  for (const run of runs) {
    while (next < sorted.length && (sorted[next]?.end ?? 0n) <= run.start) next++
    const vma = sorted[next]
    const found = vma && vma.start <= run.start ? inside.get(vma) : undefined
    ;(found ?? loose).push(run)
  }
  return { inside, loose }
}

/** Cuts an area at its large gaps without pages, which stay anonymous memory: the size of a file is limited. */
function withoutGaps(whole: Area, worthMapping: Bytes): Area[] {
  const { vma, runs } = whole
  const ends = [vma.start, ...runs.map(({ start, length }) => start + length)]
  const starts = [...runs.map(({ start }) => start), vma.end]
  const cuts = starts.flatMap((start, index) => {
    const end = ends[index] ?? start
    return start - end < LARGE_GAP ? [] : [end, start]
  })
  if (cuts.length === 0) return [whole]
  const borders = [...new Set([vma.start, ...cuts, vma.end])]
  const pieces = borders
    .slice(1)
    .map((end, index) => changed(VmaEntrySchema, vma, { start: borders[index] ?? vma.start, end }))
  const { inside } = assign(runs, pieces)
  return pieces.map((piece) =>
    area({ dumped: vma, vma: piece, runs: inside.get(piece) ?? [], file: undefined }, worthMapping),
  )
}

/** CRIU opens a descriptor for almost every mapped area of a process: smaller ones are read. */
function largestMapped(areas: readonly Area[]): Area[] {
  const mapped = areas.filter(({ decision }) => decision.mapped)
  const rest = new Set(mapped.toSorted((a, b) => b.present - a.present).slice(MOST_MAPPED))
  return areas.map((each) => (rest.has(each) ? { ...each, decision: tooMany } : each))
}

const tooMany: Decision = { mapped: false, why: `not among the ${MOST_MAPPED} largest areas of the process` }

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
