import { entriesOf } from './image.ts'
import type { ImageOf } from './image.ts'
import { entryIn, imageIn, invalidSet } from './image-set.ts'
import type { ImageSet } from './image-set.ts'
import { pagemapFlag, pagemapFlags, pageSize, storedPages } from './pagemap.ts'
import { liveProcesses, openFilesOf } from './processes.ts'
import type { LiveProcess } from './processes.ts'
import { isVma } from './vma.ts'

/**
 * Checks that a set has every image that its processes need, and that its pages files have the right sizes. CRIU must
 * not get any other set: at the end of a short pages-N.img, for example, it loops forever. Throws a CriuBenchError for
 * the first fault.
 */
export function validateImageSet(set: ImageSet): void {
  entryIn(set, 'INVENTORY', 'inventory.img', 'a complete dump and is written last')
  imageIn(set, 'FILES', 'files.img', 'the executables of the processes')
  const live = liveProcesses(set)
  for (const process of live) requireImagesOf(set, process)
  for (const process of live) requireOpenFiles(set, process, live)
  requireMemfds(set)
  requirePages(set, live[0] ? pageSize(live[0].mm) : 0n)
}

function requireImagesOf(set: ImageSet, { pid, threads, mm }: LiveProcess): void {
  for (const tid of threads) entryIn(set, 'CORE', `core-${tid}.img`, `thread ${tid} of process ${pid}`)
  imageIn(set, 'PAGEMAP', `pagemap-${pid}.img`, `the memory of process ${pid}`)
  for (const vma of mm.vmas) {
    // The pages of System V shared memory may be in ipcns-shm-N.img instead.
    if (!isVma(vma, 'ANON_SHARED') || isVma(vma, 'SYSVIPC')) continue
    imageIn(set, 'PAGEMAP', `pagemap-shmem-${vma.shmid}.img`, `shared memory of process ${pid}`)
  }
}

/** The image is missing for a process without open files. It is lost if files.img has a file that nothing else uses. */
function requireOpenFiles(set: ImageSet, { pid, ids }: LiveProcess, live: readonly LiveProcess[]): void {
  const file = `fdinfo-${ids.filesId}.img`
  if (set.images.has(file)) return
  const used = new Set(live.flatMap((process) => filesUsedBy(set, process)))
  const remaps = set.images.get('remap-fpath.img')
  for (const { origId, remapId } of remaps ? entriesOf(remaps, 'REMAP_FPATH') : []) {
    if (used.has(origId)) used.add(remapId)
  }
  const files = entriesOf(imageIn(set, 'FILES', 'files.img', 'the executables of the processes'), 'FILES')
  if (files.some(({ id }) => !used.has(id))) imageIn(set, 'FDINFO', file, `the open files of process ${pid}`)
}

const filesUsedBy = (set: ImageSet, process: LiveProcess): number[] => [
  process.mm.exeFileId,
  process.fs.cwdId,
  process.fs.rootId,
  ...process.mm.vmas.map(({ shmid }) => Number(shmid)),
  ...openFilesOf(set, process).map(({ id }) => id),
]

function requireMemfds(set: ImageSet): void {
  const memfds = set.images.get('memfd.img')
  for (const { shmid, size } of memfds ? entriesOf(memfds, 'MEMFD_INODE') : []) {
    if (size > 0n) imageIn(set, 'PAGEMAP', `pagemap-shmem-${shmid}.img`, 'a memfd or shared memory')
  }
}

function requirePages(set: ImageSet, bytesPerPage: bigint): void {
  const pagemaps = [...set.images.values()].filter((image) => image.type === 'PAGEMAP')
  const byPages = Map.groupBy(pagemaps, (pagemap) => pagemap.first.message.pagesId)
  for (const [pagesId, users] of byPages) requirePagesFile(set, `pages-${pagesId}.img`, users, bytesPerPage)
  const inParent = pagemaps.find((pagemap) =>
    entriesOf(pagemap, 'PAGEMAP').some((entry) => pagemapFlags(entry) & pagemapFlag.PARENT),
  )
  if (inParent && !set.others.includes('parent')) {
    throw invalidSet(
      set,
      'no link named parent',
      `a link to the parent dump, which has pages of ${inParent.file}`,
    )
  }
}

function requirePagesFile(
  set: ImageSet,
  file: string,
  users: readonly ImageOf<'PAGEMAP'>[],
  bytesPerPage: bigint,
): void {
  const pages = users.reduce((sum, user) => sum + storedPages(entriesOf(user, 'PAGEMAP')), 0n)
  const names = users.map((user) => user.file).join(' and ')
  const expected = `${pages * bytesPerPage} bytes (${pages} pages of ${bytesPerPage} bytes in ${names})`
  const size = set.raw.get(file)
  // CRIU does not create the file if there are no pages.
  if (size === undefined && pages > 0n) throw invalidSet(set, `no ${file}`, `${file} of ${expected}`)
  if (BigInt(size ?? 0) !== pages * bytesPerPage) {
    throw invalidSet(set, `${file} has ${size} bytes`, expected)
  }
}
