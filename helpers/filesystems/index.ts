import { CriuBenchError } from '../errors.ts'
import type { Filesystem } from './filesystem.ts'
import { tmpfs } from './tmpfs.ts'

export type { Filesystem, MountedFilesystem } from './filesystem.ts'

/** Every file system there is: a new one is one file and one line here. */
const FILESYSTEMS: readonly Filesystem[] = [tmpfs]

export const filesystemNames: readonly string[] = FILESYSTEMS.map(({ name }) => name)

/** The file system of that name; throws CriuBenchError that lists them. */
export function filesystem(name: string): Filesystem {
  const found = FILESYSTEMS.find((candidate) => candidate.name === name)
  if (found) return found
  throw new CriuBenchError({
    failed: `cannot use the filesystem "${name}"`,
    found: `"${name}"`,
    expected: `one of ${filesystemNames.join(', ')}`,
    mend: `filesystems: ['tmpfs'] in vitest.config.ts, or VITEST_CRIU_FILESYSTEMS=tmpfs`,
  })
}
