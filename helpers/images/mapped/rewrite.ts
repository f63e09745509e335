import { create } from '@bufbuild/protobuf'
import { CriuBenchError } from '../../errors.ts'
import type { Bytes } from '../../units.ts'
import {
  FileEntrySchema,
  MmEntrySchema,
  PagemapEntrySchema,
  RegFileEntrySchema,
  VmaEntrySchema,
  type FileEntry,
  type PagemapEntry,
  type VmaEntry,
} from '../generated/criu_pb.ts'
import { entriesOf, entry, type FramedImage, type ImageOf } from '../image.ts'
import { entryIn, imageIn, type ImageSet } from '../image-set.ts'
import { pagemapFlag } from '../pagemap.ts'
import { vmaStatus } from '../vma.ts'
import { changed } from '../wire.ts'
import type { Area, FilePart, Run } from './areas.ts'
import { layOut, type Layout } from './layout.ts'
import { memoriesOf, type Memory } from './memory.ts'
import type { Shared, SharedAreas } from './shared.ts'

const MAP_ANONYMOUS = 0x20
const REGULAR_FILE = 1
const READ_ONLY = 0o100444
/** The values of img_version that this code knows. */
const IMAGE_VERSIONS = new Set([1, 2])

/** A range of bytes to copy. */
export interface Copy {
  /** The name of a pages file in the dump, or the absolute path of a file in the root directory of the processes. */
  readonly from: string
  readonly offset: bigint
  readonly length: bigint
  /** The target: the backing file, or the pages file of the same name in the rewritten set. */
  readonly to: 'backing' | 'pages'
  /** Offset in the target. */
  readonly at: bigint
}

/** A rewritten image set that is not written yet. */
export interface Rewritten {
  /** The changed images. All others stay as they are. */
  readonly images: readonly FramedImage[]
  /** Name and size in bytes of the pages files that are built from `copies`. Other raw images stay as they are. */
  readonly pages: ReadonlyMap<string, bigint>
  readonly copies: readonly Copy[]
  /** Size of the backing file in bytes. Ranges that no copy fills are holes, which read as zeros. */
  readonly backingSize: bigint
  /** Where programs' own data starts in the backing file, if it has any: see Layout. */
  readonly dataOffset: bigint | undefined
  readonly processes: ReadonlyArray<{ readonly pid: number; readonly areas: readonly Area[] }>
}

/**
 * Rewrites images so that an unpatched CRIU maps memory instead of reading it. Private anonymous VMAs become private
 * mappings of one backing file. Their pages move to the backing file, and their pagemap entries are removed. The time
 * of a restore then does not depend on memory size, and pages come from the page cache when they are first used.
 *
 * This is a pure function, which reads and writes no files. `backing` is the path of the backing file, as seen from the
 * root directory of the restored processes. `shared` are areas of children that map a part of it that another process
 * maps as well. Areas with less than `worthMapping` bytes in the dump stay as they are. Throws a CriuBenchError for images
 * that are already rewritten or have an unknown format.
 */
export function rewriteMapped(
  set: ImageSet,
  backing: string,
  shared: SharedAreas = new Map<VmaEntry, Shared>(),
  worthMapping?: Bytes,
): Rewritten {
  refuseUnknownFormat(set)
  const files = imageIn(set, 'FILES', 'files.img', 'the executables of the processes')
  refuseRewritten(set, files, backing)
  entryIn(set, 'FILES', 'files.img', 'the executables of the processes')
  const lastId = entriesOf(files, 'FILES').reduce((last, { id }) => Math.max(last, id), 0)
  const memories = memoriesOf(set, worthMapping)
  const bytesPerPage = memories[0]?.bytesPerPage ?? 0n
  const layout = layOut(memories.flatMap(({ areas }) => areas), shared, bytesPerPage) // prettier-ignore
  const { size, data } = layout
  const processes = memories.map(({ pid, areas }) => ({ pid, areas }))
  if (size === 0n)
    return { images: [], pages: new Map(), copies: [], backingSize: 0n, dataOffset: undefined, processes }
  // Each process gets its own file id. If parent and child mapped the same id at the same address, CRIU would assume
  // that the child inherited the mapping by fork, even if the offsets differ.
  const fileIds = memories.map((_, index) => lastId + 1 + index)
  const parts = memories.map((memory, index) => rewriteProcess(memory, fileIds[index] ?? 0, layout, shared))
  const added = fileIds.map((fileId) => entry(backingFile(fileId, backing, size)))
  return {
    images: [...parts.flatMap(({ images }) => images), { ...files, entries: [...files.entries, ...added] }],
    pages: new Map(parts.map(({ pagesFile, pagesSize }) => [pagesFile, pagesSize])),
    copies: parts.flatMap(({ copies }) => copies),
    backingSize: size,
    dataOffset: data.length === 0n ? undefined : data.offset,
    processes,
  }
}

function rewriteProcess(memory: Memory, fileId: number, layout: Layout, shared: SharedAreas) {
  const { mm, images, areas, loose, pagesFile, bytesPerPage } = memory
  const kept = [...areas.flatMap((area) => keptRuns(area, shared)), ...loose]
  const remaining = keepPages(kept.toSorted(byAddress), pagesFile, bytesPerPage)
  const pieces = Map.groupBy(areas, ({ dumped }) => dumped)
  const vmas = mm.vmas.flatMap((dumped) =>
    (pieces.get(dumped) ?? []).map(({ vma }) => mapVma(vma, layout.offsets.get(vma), fileId)),
  )
  const moved = areas
    .filter(({ vma }) => !shared.has(vma))
    .flatMap((area) => [...movePages(area, layout, pagesFile), ...originalsOf(area, layout)])
  return {
    images: [
      { ...images.mm, entries: [entry(changed(MmEntrySchema, mm, { vmas }))] },
      { ...images.pagemap, entries: remaining.entries.map((message) => entry(message)) },
    ] satisfies FramedImage[],
    pagesFile,
    pagesSize: remaining.size,
    copies: [...remaining.copies, ...moved],
  }
}

/** The pages of an area that CRIU reads. */
const keptRuns = ({ vma, runs, decision }: Area, shared: SharedAreas): readonly Run[] =>
  shared.get(vma)?.own ?? (decision.mapped ? [] : runs)

const byAddress = (a: Run, b: Run): number => (a.start < b.start ? -1 : 1)

function mapVma(vma: VmaEntry, pgoff: bigint | undefined, fileId: number): VmaEntry {
  if (pgoff === undefined) return vma
  return changed(VmaEntrySchema, vma, {
    status: (vma.status & ~vmaStatus.ANON_PRIVATE) | vmaStatus.FILE_PRIVATE,
    flags: vma.flags & ~MAP_ANONYMOUS,
    shmid: BigInt(fileId),
    pgoff,
    fdflags: 0,
  })
}

/**
 * The remaining pagemap entries, and the copies that make a pages file of only their pages. Pages that are present but
 * not stored are zeros.
 */
function keepPages(runs: readonly Run[], from: string, bytesPerPage: bigint) {
  const copies: Copy[] = []
  const entries: PagemapEntry[] = []
  let size = 0n
  for (const { start, length, flags, stored } of runs) {
    entries.push(
      create(PagemapEntrySchema, { vaddr: start, compatNrPages: Number(length / bytesPerPage), flags }),
    )
    if (stored !== undefined) copies.push({ from, offset: stored, length, to: 'pages', at: size })
    if ((flags & pagemapFlag.PRESENT) !== 0) size += length
  }
  return { copies, entries, size }
}

function movePages({ vma, runs, file }: Area, { offsets }: Layout, pagesFile: string): Copy[] {
  const backing = offsets.get(vma)
  if (backing === undefined) return []
  const pages = runs.flatMap(({ start, length, stored }): Copy[] =>
    stored === undefined
      ? []
      : [{ from: pagesFile, offset: stored, length, to: 'backing', at: backing + (start - vma.start) }],
  )
  return file ? [...unchangedParts(file, pages, backing), ...pages] : pages
}

/** What a program has not changed of its data: the gaps between `pages`, up to the end of the file. */
function unchangedParts({ path, offset, length }: FilePart, pages: readonly Copy[], backing: bigint): Copy[] {
  const starts = [backing, ...pages.map((page) => page.at + page.length)]
  const ends = [...pages.map(({ at }) => at), backing + length]
  return starts.flatMap((at, index): Copy[] => {
    const gap = (ends[index] ?? at) - at
    return gap > 0n ? [{ from: path, offset: offset + (at - backing), length: gap, to: 'backing', at }] : []
  })
}

/** What the file has: the contents after a discard. */
function originalsOf({ vma, file }: Area, { offsets, data }: Layout): Copy[] {
  const backing = offsets.get(vma)
  if (backing === undefined || !file) return []
  const { path, offset, length } = file
  return [{ from: path, offset, length, to: 'backing', at: backing + data.length }]
}

function backingFile(id: number, path: string, size: bigint): FileEntry {
  const name = new TextEncoder().encode(path)
  const fown = { uid: 0, euid: 0, signum: 0, pidType: 0, pid: 0 }
  const reg = create(RegFileEntrySchema, {
    id,
    flags: 0,
    pos: 0n,
    fown,
    name,
    mntId: -1,
    size,
    mode: READ_ONLY,
  })
  return create(FileEntrySchema, { type: REGULAR_FILE, id, reg })
}

function refuseUnknownFormat(set: ImageSet): void {
  const { imgVersion } = entryIn(set, 'INVENTORY', 'inventory.img', 'a complete dump and is written last')
  if (IMAGE_VERSIONS.has(imgVersion)) return
  throw new CriuBenchError({
    failed: `cannot rewrite the CRIU images in ${set.folder}`,
    found: `images of format version ${imgVersion}`,
    expected: `images of format version ${[...IMAGE_VERSIONS].join(' or ')}`,
    fix: 'dump with the CRIU of the base image',
  })
}

function refuseRewritten(set: ImageSet, files: ImageOf<'FILES'>, backing: string): void {
  const name = new TextEncoder().encode(backing)
  const isRewritten = entriesOf(files, 'FILES').some(({ reg }) => reg && Buffer.compare(reg.name, name) === 0)
  if (!isRewritten) return
  throw new CriuBenchError({
    failed: `cannot rewrite the CRIU images in ${set.folder}`,
    found: `images whose memory is already mapped from ${backing}`,
    expected: 'images that CRIU dumped',
    fix: 'rewrite the original dump, or restore these images as they are',
  })
}
