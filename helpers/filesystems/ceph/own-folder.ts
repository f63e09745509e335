import { readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { hostPath, type Host } from '../../host/host.ts'
import { makeFolder } from '../../host/folders.ts'
import { CLEANUP_HOOKS } from '../../installation/paths.ts'
import { startTimeOf } from '../../proc/stat.ts'
import { run } from '../../process/process.ts'

/**
 * The name of a folder on a shared file system, which tells who owns it: "vitest-criu-HOST-PID.BOOT-NAMESPACE-START-N".
 * HOST and PID are for people. The rest identifies one process of one boot in one PID namespace: no other machine or
 * container can mistake the folder of a running process for one that was left behind.
 */
const NAME = /^vitest-criu-.+-(?<pid>\d+)\.(?<machine>[0-9a-f]{8}-\d+)-(?<start>\d+)-\d+$/

let made = 0

/** A new folder name of this process. */
export const ownName = async (): Promise<string> =>
  `vitest-criu-${hostname()}-${process.pid}.${await machineId()}-${await startTimeOf(process.pid)}-${made++}`

/** Whether the owner of that folder is a process of this machine that has ended. Folders with an unknown owner are kept. */
async function isLeftBehind(name: string): Promise<boolean> {
  const owner = NAME.exec(name)?.groups
  if (owner?.['machine'] !== (await machineId())) return false
  return (await startTimeOf(Number(owner['pid']))) !== owner['start']
}

/** Identifies this machine's current boot, and this PID namespace. */
async function machineId(): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
  const namespace = /\d+/.exec(await readlink('/proc/self/ns/pid'))?.[0] ?? '0'
  return `${boot.slice(0, 8)}-${namespace}`
}

/** The folders in `path` that ended runs of this machine have left behind. */
export async function leftBehind(host: Host, path: string): Promise<string[]> {
  const names = await readdir(hostPath(host, path))
  const dead = await Promise.all(names.map(isLeftBehind))
  return names.filter((_, index) => dead[index])
}

/** Removes a folder and its content, in bounded time. */
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

// In the sandbox every ceph-fuse is this run's. It is asked to end, because the cluster would keep a killed client's locks.
const CLEANUP_SCRIPT = ({ point, whole, folder }: Folders): string => `
umount --lazy '${point}'
rm -rf --one-file-system '${folder}' || { sleep 1; rm -rf --one-file-system '${folder}'; }
umount --lazy '${whole}'
for process in /proc/[0-9]*; do
  [ "$(cat $process/comm)" = ceph-fuse ] || continue
  kill "\${process#/proc/}" && while [ -e "$process" ]; do sleep 0.1; done
done
`

/** Leaves a script with which the sandbox's supervisor removes the folder if this run is killed. */
export async function leaveCleanupHook(host: Host, folders: Folders): Promise<AsyncDisposable> {
  await makeFolder(host, CLEANUP_HOOKS)
  const file = hostPath(host, join(CLEANUP_HOOKS, `${folders.folder.replaceAll('/', '-')}.sh`))
  await writeFile(file, CLEANUP_SCRIPT(folders))
  return { [Symbol.asyncDispose]: () => rm(file, { force: true }) }
}
