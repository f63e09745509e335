import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { startTimeOf } from '../../system/pids.ts'

/**
 * The name of a folder on a shared file system, which tells whose it is: "vitest-criu-HOST-PID.BOOT-NAMESPACE-START-N".
 * HOST and PID are for people; the rest names one process of one boot in one PID namespace, so that no other machine,
 * and no other container of this one, takes a living run's folder for a dead one's.
 */
const NAME = /^vitest-criu-.+-(?<pid>\d+)\.(?<place>[0-9a-f]{8}-\d+)-(?<start>\d+)-\d+$/

let made = 0

/** A name that no folder has yet, of this process. */
export const ownName = async (): Promise<string> =>
  `vitest-criu-${hostname()}-${process.pid}.${await place()}-${await startTimeOf(process.pid)}-${made++}`

/** Whether a folder of that name is of a run on this machine that has ended: one of which nothing is known is not. */
export async function isLeftBehind(name: string): Promise<boolean> {
  const owner = NAME.exec(name)?.groups
  if (owner?.['place'] !== (await place())) return false
  return (await startTimeOf(Number(owner['pid']))) !== owner['start']
}

/** This boot of this machine, and this PID namespace of it. */
async function place(): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
  const namespace = /\d+/.exec(await readlink('/proc/self/ns/pid'))?.[0] ?? '0'
  return `${boot.slice(0, 8)}-${namespace}`
}
