import type { FsEntry, MmEntry, PstreeEntry, TaskKobjIdsEntry } from './generated/criu_pb.ts'
import { entriesOf } from './image.ts'
import { entryIn, imageIn, invalidSet } from './image-set.ts'
import type { ImageSet } from './image-set.ts'

/** A process of the dump that runs again after the restore, with what its own images say. */
export interface LiveProcess {
  readonly pid: number
  /** Thread ids, the pid among them. */
  readonly threads: readonly number[]
  readonly ids: TaskKobjIdsEntry
  readonly mm: MmEntry
  readonly fs: FsEntry
}

/** task_state of a process that is dumped with nothing but its core image. */
const dead = new Set([2, 6])

/**
 * All processes of the dump, those that have ended but are not yet reaped too. The thread ids of the latter mean
 * nothing: CRIU writes whatever was in its memory. Throws a CriuBenchError.
 */
export function processTree(set: ImageSet): PstreeEntry[] {
  const tree = entriesOf(imageIn(set, 'PSTREE', 'pstree.img', 'the tree of processes'), 'PSTREE')
  if (tree.length === 0) throw invalidSet(set, 'no process in pstree.img', 'one process or more')
  return tree
}

/** The processes that have memory and files. Throws a CriuBenchError that names the image that one of them lacks. */
export function liveProcesses(set: ImageSet): LiveProcess[] {
  const live = processTree(set).filter(({ pid }) => {
    const core = entryIn(set, 'CORE', `core-${pid}.img`, `process ${pid}`)
    return !dead.has(core.tc?.taskState ?? 0)
  })
  return live.map(({ pid, threads }) => ({
    pid,
    threads,
    ids: entryIn(set, 'IDS', `ids-${pid}.img`, `process ${pid}`),
    mm: entryIn(set, 'MM', `mm-${pid}.img`, `the memory of process ${pid}`),
    fs: entryIn(set, 'FS', `fs-${pid}.img`, `the working directory and root of process ${pid}`),
  }))
}
