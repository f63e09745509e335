import { readdir, stat, statfs } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { CriuBenchError } from '../errors.ts'
import { ownCommand } from '../installation/own-command.ts'
import { hostPath, type Host } from '../host/host.ts'
import { readMounts } from '../mount/mounts.ts'
import { run } from '../process/process.ts'
import type { Bytes } from '../units.ts'

/** Throws CriuBenchError unless `point` is the absolute path of an empty folder without a mount: a mount hides files. */
export async function checkMountPoint(host: Host, point: string): Promise<void> {
  const refuse = (found: string, fix: string): never => {
    throw new CriuBenchError({
      failed: `cannot mount on ROOTFS_ABS_PATH=${point}`,
      found,
      expected: 'the absolute path of an empty folder on which nothing is mounted',
      fix,
    })
  }
  if (!isAbsolute(point)) refuse('a relative path', `export ROOTFS_ABS_PATH="$PWD/${point}"`)
  // Mounts come first: a mount without a server, as a killed ceph-fuse leaves it, does not answer stat(2).
  const mount = (await readMounts(host)).findLast((entry) => entry.point === point)
  const status = await stat(hostPath(host, point)).catch(() => undefined)
  if (mount && !status)
    refuse(`${mount.type} (${mount.source}) mounted on it, which does not answer`, `umount --lazy ${point}`)
  if (!status) refuse('no such path', `mkdir -p ${point}`)
  if (!status?.isDirectory()) refuse('a file', 'set it to a folder')
  if (mount)
    refuse(`${mount.type} (${mount.source}) mounted on it`, `${ownCommand('unmount')}, or umount ${point}`)
  const [first] = await readdir(hostPath(host, point))
  if (first !== undefined) refuse(`a folder with files in it (${first}, …)`, 'set it to an empty folder')
}

/** Unmounts `point`. Throws CriuBenchError. */
export async function unmount(host: Host, point: string): Promise<void> {
  await run(host, {
    argv: ['umount', point],
    failed: `cannot unmount ${point}`,
    fix: `end the processes that use it: fuser --verbose --mount ${point}`,
    timeout: 30_000,
  })
}

/** The room that the filesystem at `path` has. */
export async function freeOn(host: Host, path: string): Promise<Bytes> {
  const { bavail, bsize } = await statfs(hostPath(host, path))
  return bavail * bsize
}
