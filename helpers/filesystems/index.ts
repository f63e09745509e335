import { named } from '../named.ts'
import type { Filesystem } from './filesystem.ts'
import { tmpfs } from './tmpfs.ts'

export type { Filesystem, MountedFilesystem } from './filesystem.ts'

/** Every file system there is: a new one is one file and one line here. */
const FILESYSTEMS: readonly Filesystem[] = [tmpfs]

/** The file system of that name; throws CriuBenchError that lists them. */
export const filesystem = (name: string): Filesystem =>
  named(FILESYSTEMS, name, {
    kind: 'filesystem',
    mend: "filesystems: ['tmpfs'] in vitest.config.ts, or VITEST_CRIU_FILESYSTEMS=tmpfs",
  })
