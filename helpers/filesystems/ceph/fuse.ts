import { join } from 'node:path'
import type { Host } from '../../host/host.ts'
import { readMounts } from '../../mount/mounts.ts'
import { start, type Daemon } from '../../process/daemon.ts'
import { run } from '../../process/process.ts'
import { onceUp } from '../../process/wait.ts'
import { unmount } from '../mount-point.ts'
import { fixOf, type Attached, type ClientMount } from './attached.ts'
import type { Access } from './service.ts'

const LIMIT = 30_000

/** Mounts by ceph-fuse. */
export async function attachFuse(host: Host, access: Access, mount: ClientMount): Promise<Attached> {
  const daemon = await fuse(host, access, mount)
  return {
    leave: async () => {
      await unmount(host, mount.point)
      await untilEnded(daemon)
    },
    sever: async () => daemon[Symbol.asyncDispose](),
    ended: daemon.ended,
  }
}

/**
 * Starts ceph-fuse in the foreground and waits for its mount. In the background it would close its standard error while
 * its threads open pipes: a pipe that gets the number 2 would lose its requests.
 */
async function fuse(host: Host, access: Access, { folder, path, point }: ClientMount): Promise<Daemon> {
  const failed = `cannot mount ${path} of the Ceph file system on ${point} as client.${access.user}`
  const fix = fixOf(access)
  const daemon = start(host, {
    // prettier-ignore
    argv: ['ceph-fuse', '-f', '--conf', join(folder, 'ceph.conf'), '--keyring', join(folder, 'keyring'),
      '--id', access.user, '--run_dir', folder, '--log_file', '', '--admin_socket', '', '--client_mountpoint', path,
      ...(access.filesystem === undefined ? [] : ['--client_fs', access.filesystem]), point],
    failed,
    fix,
  })
  return onceUp(daemon, () => isMounted(host, point), {
    failed,
    found: `no such mount on ${point}`,
    expected: 'a mount of type fuse.ceph-fuse',
    fix,
    limit: LIMIT,
  })
}

const isMounted = async (host: Host, point: string): Promise<boolean> =>
  (await readMounts(host)).some((entry) => entry.point === point && entry.type === 'fuse.ceph-fuse')

/** After the unmount the client closes its session with the cluster; its keys and its cache are in use until it ends. */
async function untilEnded(daemon: Daemon): Promise<void> {
  const overdue = setTimeout(() => void daemon[Symbol.asyncDispose](), LIMIT)
  await daemon.ended
  clearTimeout(overdue)
}

/** Unmounts without asking the file system, for a client that has ended and does not answer. */
export const unmountLazily = (host: Host, point: string) =>
  run(host, {
    argv: ['umount', '--lazy', '--no-canonicalize', point],
    failed: `cannot unmount ${point}`,
    fix: `umount --lazy ${point}`,
    timeout: LIMIT,
  })
