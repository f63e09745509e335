import { MB, type Bytes } from '../units.ts'
import { firstErrors, fixFor, withoutHarmless, type Fixes } from './log.ts'

/** What a restore does once the process is back: it stays until that ends, or it leaves it to who started the restore. */
export type Afterwards = 'stay' | 'leave'

/** The command line that restores `images` in a container; CRIU's warnings come on standard error. */
export const restoreCommand = (
  criu: string,
  images: string,
  workFolder: string,
  afterwards: Afterwards = 'stay',
): string[] =>
  // prettier-ignore
  [criu, 'restore', '--images-dir', images, '--work-dir', workFolder, '--no-default-config',
    '--manage-cgroups=ignore', '-v2', ...(afterwards === 'leave' ? ['--restore-detached'] : [])]

/** The command line of CRIU's page server for a lazy restore of `images` with the same work folder. */
export const lazyPagesCommand = (criu: string, images: string, workFolder: string): string[] =>
  // prettier-ignore
  [criu, 'lazy-pages', '--images-dir', images, '--work-dir', workFolder, '--no-default-config', '-v2']

/** At least 10 MB a second, execution included. */
export const restoreLimit = (size: Bytes): number => 30_000 + (size / (10 * MB)) * 1000

const FIXES: Fixes = [
  [/bad size/i, 'a file that the process had open has another size now: dump and copy again'],
  [/bad mode/i, 'a file that the process had open has another mode now: dump and copy again'],
  [/build-?id/i, 'a mapped program or library is another build now: dump and copy again'],
  [/No such file|Can't open file/i, 'the rootfs lacks a file that the process had open: copy again'],
  [
    /^observe: (the handler was not done|all processes ended)/m,
    'the handler came back and did not do what its `done` waits for: its own output is below',
  ],
  [/magic|version/i, 'the images are of another CRIU: dump with the one of the base image'],
]

/** What CRIU said went wrong, and what fixes it. */
export function explainFailure(stderr: string): { log: string; fix: string } {
  const log = firstErrors(stderr) || withoutHarmless(stderr)
  return { log, fix: fixFor(log, FIXES) }
}
