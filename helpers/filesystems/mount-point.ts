import { readdir, stat } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { CriuBenchError } from '../errors.ts'
import { ownCommand } from '../installation/own-command.ts'
import { hostPath, type Host } from '../host/host.ts'
import { readMounts } from '../mount/mounts.ts'
import { run } from '../process/process.ts'

/** Refuses a mount point that is relative, missing, no folder, in use or not empty: mounting there would hide things. */
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
  // First: a mount whose server is gone, as a killed ceph-fuse leaves it, answers nothing else.
  const mount = (await readMounts(host)).findLast((entry) => entry.point === point)
  const status = await stat(hostPath(host, point)).catch(() => undefined)
  if (mount && !status)
    refuse(`${mount.type} (${mount.source}) mounted there, which does not answer`, `umount --lazy ${point}`)
  if (!status) refuse('nothing at that path', `mkdir -p ${point}`)
  if (!status?.isDirectory()) refuse('not a folder', 'name a folder')
  if (mount)
    refuse(
      `${mount.type} (${mount.source}) mounted there already`,
      `${ownCommand('unmount')}, or umount ${point}`,
    )
  const [first] = await readdir(hostPath(host, point))
  if (first !== undefined) refuse(`a folder with files in it (${first}, …)`, 'name an empty folder')
}

/** Unmounts what was mounted on `point`. */
export async function unmount(host: Host, point: string): Promise<void> {
  await run(host, {
    argv: ['umount', point],
    failed: `cannot unmount ${point}`,
    fix: `end what still uses it: fuser --verbose --mount ${point}`,
    timeout: 30_000,
  })
}
