import { fileTable, pathOf } from '../needed-files.ts'
import type { ImageSet } from '../image-set.ts'
import type { LiveProcess } from '../processes.ts'
import { isVma } from '../vma.ts'

const PROT_EXEC = 4

/** A program or library. */
export interface ProgramFile {
  /** Absolute, relative to the root directory of the process. */
  readonly path: string
  /** Bytes. */
  readonly size: bigint
}

/** By their ids in files.img. */
export type ProgramFiles = ReadonlyMap<number, ProgramFile>

/**
 * The files of which a process executes a part. Their contents do not change while they are in use, unlike those of
 * other files that it maps. Deleted files are not included.
 */
export function programFiles(set: ImageSet, { mm }: LiveProcess): ProgramFiles {
  const files = fileTable(set)
  const executed = mm.vmas.filter((vma) => isVma(vma, 'FILE_PRIVATE') && (vma.prot & PROT_EXEC) !== 0)
  const ids = new Set(executed.map(({ shmid }) => Number(shmid)))
  return new Map(
    [...ids].flatMap((id) => {
      const file = files.regularFile(id)
      return file ? [[id, { path: pathOf(file), size: file.size }] as const] : []
    }),
  )
}
