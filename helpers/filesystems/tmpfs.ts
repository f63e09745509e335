import type { Host } from '../system/host.ts'
import { run } from '../system/process.ts'
import { describeBytes, type Bytes } from '../units.ts'
import type { Filesystem, MountedFilesystem } from './filesystem.ts'

/** The name that our tmpfs mounts carry as their source: what `unmount` may touch. */
export const TMPFS_SOURCE = 'vitest-criu'

/** Memory as a file system: the one that the reference was taken on. */
export const tmpfs: Filesystem = { name: 'tmpfs', mount }

async function mount(host: Host, point: string, room: Bytes): Promise<MountedFilesystem> {
  await run(host, {
    // mode: CRIU compares the root directory's mode, and tmpfs would make it 1777.
    argv: ['mount', '-t', 'tmpfs', '-o', `size=${room},mode=755`, TMPFS_SOURCE, point],
    failed: `cannot mount tmpfs on ${point}`,
    mend: 'run as root with CAP_SYS_ADMIN',
    timeout: 10_000,
  })
  return {
    name: 'tmpfs',
    point,
    description: `tmpfs, size ${describeBytes(room)}`,
    [Symbol.asyncDispose]: () => unmount(host, point),
  }
}

/** Unmounts what `mount` mounted on `point`. */
export async function unmount(host: Host, point: string): Promise<void> {
  await run(host, {
    argv: ['umount', point],
    failed: `cannot unmount ${point}`,
    mend: `end what still uses it: fuser --verbose --mount ${point}`,
    timeout: 30_000,
  })
}
