import type { FilesystemName } from '../config/names.ts'
import { CriuBenchError } from '../errors.ts'
import { findByName } from '../find-by-name.ts'
import { ceph } from './ceph/ceph.ts'
import { ext4 } from './ext4.ts'
import type { Filesystem, MountedFilesystem, MountOptions } from './filesystem.ts'
import { tmpfs } from './tmpfs.ts'

export type { Filesystem, MountedFilesystem, MountOptions } from './filesystem.ts'

/** All filesystems: a new one is one file, one line here, and its name in config/names.ts. */
const FILESYSTEMS: readonly Filesystem[] = [tmpfs, ext4, ceph]

export const filesystemNames: readonly FilesystemName[] = FILESYSTEMS.map(({ name }) => name)

/** Ends what the mounts of this process shared. All of them must be unmounted. */
export async function closeFilesystems(): Promise<void> {
  for (const one of FILESYSTEMS) await one.close?.()
}

/** The filesystems that cannot be used on this machine, each with the reason and the fix; without the `asked` ones. */
export function missingFilesystems(asked: readonly string[], options?: MountOptions): Record<string, string> {
  const missing: Record<string, string> = {}
  for (const one of FILESYSTEMS.filter(({ name }) => !asked.includes(name))) {
    const what = one.missing(options)
    if (what) missing[one.name] = `${one.name} cannot be used here: ${what.found}; ${what.fix}`
  }
  return missing
}

/** Throws CriuBenchError when this machine lacks what the filesystem needs. */
export function checkPresent(one: Filesystem, options?: MountOptions): void {
  const missing = one.missing(options)
  if (!missing) return
  throw new CriuBenchError({
    failed: `cannot use the filesystem "${one.name}" (${one.summary})`,
    expected: 'the programs that it needs',
    ...missing,
  })
}

/** Waits for `work` on that mount. When the mount was lost in the meantime, its loss is the error. */
export async function whileMounted<T>(mounted: MountedFilesystem, work: Promise<T>): Promise<T> {
  using _watch = mounted.watch?.()
  try {
    return await work
  } catch (error) {
    const lost = await mounted.lost?.()
    if (!lost) throw error
    throw new CriuBenchError(lost.facts, { cause: error })
  }
}

/** The filesystem of that name. Throws CriuBenchError that lists all of them. */
export const filesystem = (name: string): Filesystem =>
  findByName(FILESYSTEMS, name, {
    kind: 'filesystem',
    fix: "filesystems: ['tmpfs'] in vitest.config.ts, or VITEST_CRIU_FILESYSTEMS=tmpfs",
  })
