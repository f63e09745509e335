import { statfs } from 'node:fs/promises'
import { hostPath, type Host } from '../host/host.ts'
import { run } from '../process/process.ts'
import { describeBytes, type Bytes } from '../units.ts'
import type { Filesystem, MountedFilesystem } from './filesystem.ts'
import { freeOn, unmount } from './mount-point.ts'

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
    free: () => freeOn(host, point),
    grow: (bytes) => growTmpfs(host, point, bytes),
    lost: async () => host.lost?.(),
    [Symbol.asyncDispose]: () => unmount(host, point),
  }
}

/** Makes the tmpfs that `path` is on larger by so many bytes. Throws CriuBenchError. */
export async function growTmpfs(host: Host, path: string, more: Bytes): Promise<void> {
  const { blocks, bsize } = await statfs(hostPath(host, path))
  const script = 'mount -o "remount,size=$2" "$(findmnt --noheadings --output TARGET --target "$1")"'
  await run(host, {
    argv: ['sh', '-ec', script, 'sh', path, String(blocks * bsize + more)],
    failed: `cannot make the tmpfs on ${path} larger by ${describeBytes(more)}`,
    fix: 'run as root with CAP_SYS_ADMIN',
    timeout: 10_000,
  })
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
