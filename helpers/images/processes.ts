import type { FdinfoEntry, FsEntry, MmEntry, PstreeEntry, TaskKobjIdsEntry } from './generated/criu_pb.ts'
import { entriesOf } from './image.ts'
import { entryIn, imageIn, invalidSet } from './image-set.ts'
import type { ImageSet } from './image-set.ts'
import { pageSize } from './pagemap.ts'

/** A process that a restore brings back, with the contents of its images. */
export interface LiveProcess {
  readonly pid: number
  /** Thread ids, including the pid. */
  readonly threads: readonly number[]
  readonly ids: TaskKobjIdsEntry
  readonly mm: MmEntry
  readonly fs: FsEntry
}

/** The signal that the first process of the dump asked to be sent when its parent ends (PR_SET_PDEATHSIG); 0 for none. */
export function parentDeathSignal(set: ImageSet): number {
  const [first] = processTree(set)
  const core = entryIn(set, 'CORE', `core-${first?.pid}.img`, `process ${first?.pid}`)
  return core.threadCore?.pdeathSig ?? 0
}

/** The values of task_state for processes of which CRIU dumps only the core image: dead and zombie. */
const dead = new Set([2, 6])

/**
 * All processes of the dump, including zombies. The thread ids of zombies are invalid: CRIU writes uninitialised
 * memory. Throws a CriuBenchError for an invalid set.
 */
export function processTree(set: ImageSet): PstreeEntry[] {
  const tree = entriesOf(imageIn(set, 'PSTREE', 'pstree.img', 'the tree of processes'), 'PSTREE')
  if (tree.length === 0) throw invalidSet(set, 'no process in pstree.img', 'at least one process')
  return tree
}

/** The processes that a restore brings back. Throws a CriuBenchError if one of their images is missing. */
export function liveProcesses(set: ImageSet): LiveProcess[] {
  const live = processTree(set).filter(({ pid }) => {
    const core = entryIn(set, 'CORE', `core-${pid}.img`, `process ${pid}`)
    return !dead.has(core.tc?.taskState ?? 0)
  })
  return live.map(({ pid, threads }) => ({
    pid,
    threads,
    ids: entryIn(set, 'IDS', `ids-${pid}.img`, `process ${pid}`),
    mm: memoryOf(set, pid),
    fs: entryIn(set, 'FS', `fs-${pid}.img`, `the working directory and root of process ${pid}`),
  }))
}

function memoryOf(set: ImageSet, pid: number): MmEntry {
  const file = `mm-${pid}.img`
  const mm = entryIn(set, 'MM', file, `the memory of process ${pid}`)
  const size = pageSize(mm)
  if (size < 4096n || (size & (size - 1n)) !== 0n)
    throw invalidSet(set, `${file} with a page size of ${size} bytes`, 'a power of two from 4096 on')
  return mm
}

/** The open files of a process. CRIU writes no image for a process without any. */
export function openFilesOf(set: ImageSet, { pid, ids }: LiveProcess): FdinfoEntry[] {
  const file = `fdinfo-${ids.filesId}.img`
  if (!set.images.has(file)) return []
  return entriesOf(imageIn(set, 'FDINFO', file, `the open files of process ${pid}`), 'FDINFO')
}
