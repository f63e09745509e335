import { mkdir, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { hostPath, type Host } from '../../host/host.ts'
import { CLEANUP_HOOKS } from '../../installation/paths.ts'
import { startTimeOf } from '../../proc/stat.ts'
import { run } from '../../process/process.ts'

/**
 * The name of a folder on a shared file system, which tells whose it is: "vitest-criu-HOST-PID.BOOT-NAMESPACE-START-N".
 * HOST and PID are for people; the rest names one process of one boot in one PID namespace, so that no other machine,
 * and no other container of this one, takes a living run's folder for a dead one's.
 */
const NAME = /^vitest-criu-.+-(?<pid>\d+)\.(?<machine>[0-9a-f]{8}-\d+)-(?<start>\d+)-\d+$/

let made = 0

/** A name that no folder has yet, of this process. */
export const ownName = async (): Promise<string> =>
  `vitest-criu-${hostname()}-${process.pid}.${await machineId()}-${await startTimeOf(process.pid)}-${made++}`

/** Whether a folder of that name is of a run on this machine that has ended: one of which nothing is known is not. */
export async function isLeftBehind(name: string): Promise<boolean> {
  const owner = NAME.exec(name)?.groups
  if (owner?.['machine'] !== (await machineId())) return false
  return (await startTimeOf(Number(owner['pid']))) !== owner['start']
}

/** This boot of this machine, and this PID namespace of it. */
async function machineId(): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
  const namespace = /\d+/.exec(await readlink('/proc/self/ns/pid'))?.[0] ?? '0'
  return `${boot.slice(0, 8)}-${namespace}`
}

/** The folders in `path` of runs on this machine that have ended without removing them. */
export async function leftBehind(host: Host, path: string): Promise<string[]> {
  const names = await readdir(hostPath(host, path))
  const dead = await Promise.all(names.map(isLeftBehind))
  return names.filter((_, index) => dead[index])
}

/** Removes a folder with all that is in it, in bounded time. */
export const remove = (host: Host, folder: string) =>
  run(host, {
    argv: ['rm', '-rf', '--one-file-system', '--', folder],
    failed: `cannot remove ${folder}`,
    fix: 'look at the cluster: ceph health detail',
    timeout: 20_000,
  })

interface Folders {
  readonly point: string
  readonly whole: string
  readonly folder: string
}

// In the sandbox every ceph-fuse is ours. One that is asked to end says goodbye to the cluster, which would keep the locks
// of one that is killed.
const CLEANUP_SCRIPT = ({ point, whole, folder }: Folders): string => `
umount --lazy '${point}'
rm -rf --one-file-system '${folder}' || { sleep 1; rm -rf --one-file-system '${folder}'; }
umount --lazy '${whole}'
for process in /proc/[0-9]*; do
  [ "$(cat $process/comm)" = ceph-fuse ] || continue
  kill "\${process#/proc/}" && while [ -e "$process" ]; do sleep 0.1; done
done
`

/** For a run that is killed: what the supervisor of its sandbox does about the folder then. */
export async function leaveCleanupHook(host: Host, folders: Folders): Promise<AsyncDisposable> {
  await mkdir(hostPath(host, CLEANUP_HOOKS), { recursive: true })
  const file = hostPath(host, join(CLEANUP_HOOKS, `${folders.folder.replaceAll('/', '-')}.sh`))
  await writeFile(file, CLEANUP_SCRIPT(folders))
  return { [Symbol.asyncDispose]: () => rm(file, { force: true }) }
}
