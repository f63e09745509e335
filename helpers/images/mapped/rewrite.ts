import { clone, create, type Message } from '@bufbuild/protobuf'
import type { GenMessage } from '@bufbuild/protobuf/codegenv2'
import { CriuBenchError } from '../../errors.ts'
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
import { pageSize } from '../pagemap.ts'
import { liveProcesses, type LiveProcess } from '../processes.ts'
import { vmaStatus } from '../vma.ts'
import { areasOf, type Area, type Run } from './areas.ts'

/** The size of a huge page: file offset and address agree modulo it, so that the kernel can map whole ones. */
const HUGE_PAGE = 2n * 1024n * 1024n
const MAP_ANONYMOUS = 0x20
const REGULAR_FILE = 1
const READ_ONLY = 0o100444
/** The images that this was written for. */
const IMAGE_VERSIONS = new Set([1, 2])

/** Bytes of a pages file that go elsewhere. */
export interface Copy {
  /** The pages file of the dump they come from. */
  readonly from: string
  readonly offset: bigint
  readonly length: bigint
  /** "backing", or the pages file of the same name in the rewritten set. */
  readonly to: 'backing' | 'pages'
  readonly at: bigint
}

/** A rewritten image set, not yet written. */
export interface Rewritten {
  /** The images that change; all others stay as they are. */
  readonly images: readonly FramedImage[]
  /** Pages files that are made anew out of copies; other raw images stay as they are. */
  readonly pages: ReadonlyMap<string, bigint>
  readonly copies: readonly Copy[]
  /** Size of the backing file in bytes; what no copy fills is a hole, which reads as zeros. */
  readonly backingSize: bigint
  readonly processes: ReadonlyArray<{ readonly pid: number; readonly areas: readonly Area[] }>
}

/**
 * Rewrites images so that CRIU, unpatched, maps memory instead of reading it: an anonymous private VMA becomes a
 * private mapping of one backing file, its pages move there at their place in the VMA, and its pagemap entries go. The
 * restore is then flat in memory size, and pages come in on demand from the page cache. A pure function: nothing is
 * read or written. `backing` is the path of the backing file as the restored process' root sees it. Throws a
 * CriuBenchError for images that were rewritten before, or are of another format.
 */
export function rewriteMapped(set: ImageSet, backing: string): Rewritten {
  refuseForeign(set)
  const files = imageIn(set, 'FILES', 'files.img', 'the executables of the processes')
  refuseRewritten(set, files, backing)
  const lastId = Math.max(...entriesOf(files, 'FILES').map((file) => file.id))
  const layout = new BackingLayout()
  // An id for each process: of one file by one id, mapped at one address, CRIU takes the child's mapping to be the
  // parent's, inherited by fork, whatever its offset.
  const parts = liveProcesses(set).map((process, index) =>
    rewriteProcess(set, process, lastId + 1 + index, layout),
  )
  const size = layout.size
  if (size === 0n) return { images: [], pages: new Map(), copies: [], backingSize: 0n, processes: parts }
  const added = parts.map(({ fileId }) => entry(backingFile(fileId, backing, size)))
  return {
    images: [...parts.flatMap(({ images }) => images), { ...files, entries: [...files.entries, ...added] }],
    pages: new Map(parts.map(({ pagesFile, pagesSize }) => [pagesFile, pagesSize])),
    copies: parts.flatMap(({ copies }) => copies),
    backingSize: size,
    processes: parts.map(({ pid, areas }) => ({ pid, areas })),
  }
}

/** Gives each mapped VMA its place in the backing file, one after the other. */
class BackingLayout {
  size = 0n

  place({ start, end }: VmaEntry): bigint {
    const offset = this.size + ((((start - this.size) % HUGE_PAGE) + HUGE_PAGE) % HUGE_PAGE)
    this.size = offset + (end - start)
    return offset
  }
}

function rewriteProcess(set: ImageSet, process: LiveProcess, fileId: number, layout: BackingLayout) {
  const { pid, mm } = process
  const because = `the memory of process ${pid}`
  const mmImage = imageIn(set, 'MM', `mm-${pid}.img`, because)
  const pagemap = imageIn(set, 'PAGEMAP', `pagemap-${pid}.img`, because)
  const bytesPerPage = pageSize(mm)
  const { areas, loose } = areasOf(mm.vmas, entriesOf(pagemap, 'PAGEMAP'), bytesPerPage)
  const from = `pages-${pagemap.first.message.pagesId}.img`
  const offsets = new Map<VmaEntry, bigint>()
  for (const { vma, decision } of areas) if (decision.mapped) offsets.set(vma, layout.place(vma))
  const kept = [...areas.filter(({ decision }) => !decision.mapped).flatMap(({ runs }) => runs), ...loose]
  const stay = keepPages(kept.toSorted(byAddress), from, bytesPerPage)
  const vmas = mm.vmas.map((vma) => mapVma(vma, offsets.get(vma), fileId))
  const images: FramedImage[] = [
    { ...mmImage, entries: [entry(changed(MmEntrySchema, mm, { vmas }))] },
    { ...pagemap, entries: stay.entries.map((message) => entry(message)) },
  ]
  const moved = areas.flatMap(({ vma, runs }) => movePages(vma, runs, offsets.get(vma), from))
  return {
    pid,
    fileId,
    areas,
    images,
    pagesFile: from,
    pagesSize: stay.size,
    copies: [...stay.copies, ...moved],
  }
}

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

/** A copy with other fields; what the schema does not know is kept, as `create` would not. */
const changed = <M extends Message>(schema: GenMessage<M>, message: M, fields: Partial<M>): M =>
  Object.assign(clone(schema, message), fields)

/** What stays in the pagemap, with its pages moved up in a pages file made anew. */
function keepPages(runs: readonly Run[], from: string, bytesPerPage: bigint) {
  const copies: Copy[] = []
  const entries: PagemapEntry[] = []
  let size = 0n
  for (const { start, length, flags, stored } of runs) {
    entries.push(
      create(PagemapEntrySchema, { vaddr: start, compatNrPages: Number(length / bytesPerPage), flags }),
    )
    if (stored === undefined) continue
    copies.push({ from, offset: stored, length, to: 'pages', at: size })
    size += length
  }
  return { copies, entries, size }
}

function movePages(vma: VmaEntry, runs: readonly Run[], place: bigint | undefined, from: string): Copy[] {
  if (place === undefined) return []
  return runs.flatMap(({ start, length, stored }) =>
    stored === undefined
      ? []
      : [{ from, offset: stored, length, to: 'backing', at: place + (start - vma.start) }],
  )
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

function refuseForeign(set: ImageSet): void {
  const { imgVersion } = entryIn(set, 'INVENTORY', 'inventory.img', 'a finished dump of CRIU')
  if (IMAGE_VERSIONS.has(imgVersion)) return
  throw new CriuBenchError({
    failed: `cannot rewrite the CRIU images in ${set.folder}`,
    found: `format version ${imgVersion}`,
    expected: `version ${[...IMAGE_VERSIONS].join(' or ')}`,
    fix: 'dump with the CRIU of the base image',
  })
}

function refuseRewritten(set: ImageSet, files: ImageOf<'FILES'>, backing: string): void {
  const name = new TextEncoder().encode(backing)
  const there = entriesOf(files, 'FILES').some(({ reg }) => reg && Buffer.compare(reg.name, name) === 0)
  if (!there) return
  throw new CriuBenchError({
    failed: `cannot rewrite the CRIU images in ${set.folder}`,
    found: `that they are mapped from ${backing} already`,
    expected: 'images as CRIU dumped them',
    fix: 'rewrite the dump itself, or restore these as they are',
  })
}
