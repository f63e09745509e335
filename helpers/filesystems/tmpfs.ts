import type { Host } from '../host/host.ts'
import { run } from '../process/process.ts'
import { describeBytes, type Bytes } from '../units.ts'
import type { Filesystem, MountedFilesystem } from './filesystem.ts'
import { unmount } from './mount-point.ts'

/** The source of the project's tmpfs mounts: the step `unmount` touches no others. */
export const TMPFS_SOURCE = 'vitest-criu'

/** A filesystem in memory, on which the reference was measured. */
export const tmpfs: Filesystem = {
  name: 'tmpfs',
  summary: 'memory as a file system',
  inMemory: () => true,
  noCold: 'tmpfs is the cache: its files lie nowhere else',
  missing: () => undefined,
  mount,
}

async function mount(host: Host, point: string, room: Bytes): Promise<MountedFilesystem> {
  // Huge pages for large files only: with huge=always the smallest file would take 2 MB.
  const huge = await tryMount(host, point, room, ',huge=within_size', [0, MOUNT_FAILED])
  if (!huge) await tryMount(host, point, room, '', [0])
  return {
    name: 'tmpfs',
    point,
    description: `tmpfs, size ${describeBytes(room)}, ${huge ? 'huge pages' : 'this kernel refuses huge pages'}`,
    lost: async () => host.lost?.(),
    [Symbol.asyncDispose]: () => unmount(host, point),
  }
}

/** mount(8)'s exit status when the kernel refused. */
const MOUNT_FAILED = 32

async function tryMount(
  host: Host,
  point: string,
  room: Bytes,
  more: string,
  accept: number[],
): Promise<boolean> {
  const { exitCode } = await run(host, {
    // mode: CRIU compares the mode of the root directory, and the default of tmpfs is 1777.
    argv: ['mount', '-t', 'tmpfs', '-o', `size=${room},mode=755${more}`, TMPFS_SOURCE, point],
    failed: `cannot mount tmpfs on ${point}`,
    fix: 'run as root with CAP_SYS_ADMIN',
    timeout: 10_000,
    accept,
  })
  return exitCode === 0
}
