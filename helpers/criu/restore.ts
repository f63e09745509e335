import { MB, type Bytes } from '../units.ts'
import { firstErrors, fixFor, withoutHarmless, type Fixes } from './log.ts'

/** What CRIU does after a restore: stay until the process ends, or exit and leave the process to CRIU's parent. */
export type AfterRestore = 'stay' | 'leave'

/** The words that run CRIU, and arguments for its restores in addition to the usual ones. */
interface RestoringCriu {
  readonly criu: readonly string[]
  readonly restoreArguments?: readonly string[]
}

/** The command line that restores `images` in a container. CRIU writes warnings to standard error. */
export const restoreCommand = (
  { criu, restoreArguments = [] }: RestoringCriu,
  images: string,
  workFolder: string,
  afterwards: AfterRestore = 'stay',
): string[] =>
  // prettier-ignore
  [...criu, 'restore', '--images-dir', images, '--work-dir', workFolder, '--no-default-config',
    '--manage-cgroups=ignore', '--file-locks', '--tcp-established', '-v2', ...(afterwards === 'leave' ? ['--restore-detached'] : []), ...restoreArguments]

/** The log of a restore in its work folder, if it is kept. */
export const RESTORE_LOG = 'restore.log'

/** Arguments that have CRIU write its log to a file: as much of it as a dump writes, each message by itself. */
export const KEEPING_LOG = ['-v3', '--log-file', RESTORE_LOG]

/** The command line of CRIU's page server for a lazy restore of `images` with the same work folder. */
export const lazyPagesCommand = (criu: readonly string[], images: string, workFolder: string): string[] =>
  // prettier-ignore
  [...criu, 'lazy-pages', '--images-dir', images, '--work-dir', workFolder, '--no-default-config', '-v2']

/** The time limit for a restore with its execution, ms: 30 s, and 1 s for each 10 MB. */
export const restoreLimit = (size: Bytes): number => 30_000 + (size / (10 * MB)) * 1000

const FIXES: Fixes = [
  [/bad size/i, 'dump and copy again: a file that the process had open has another size now'],
  [/bad mode/i, 'dump and copy again: a file that the process had open has another mode now'],
  [/build-?id/i, 'dump and copy again: a mapped program or library is another build now'],
  [/Read-only file system/i, 'have the handler write to its own folder alone, or leave out its `readOnly`'],
  [/No such file|Can't open file/i, 'copy again: the rootfs lacks a file that the process had open'],
  [
    /^observe: (the handler was not done|all processes ended)/m,
    "read the handler's output below: the handler was restored, but never fulfilled its `done`",
  ],
  [/magic/i, 'dump again: the images are from another CRIU'],
]

/** The error lines of a failed restore, whether they are CRIU's, and the fix if so. */
export function explainFailure(stderr: string): { log: string; isFromCriu: boolean; fix: string } {
  const errors = firstErrors(stderr)
  const log = errors || withoutHarmless(stderr)
  return { log, isFromCriu: errors !== '', fix: fixFor(log, FIXES) }
}
