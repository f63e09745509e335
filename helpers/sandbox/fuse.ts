import { readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { holdsWithin } from '../process/wait.ts'
import { readStat } from '../proc/stat.ts'

/** PF_EXITING of the kernel's include/linux/sched.h. */
const EXITING = 0x4

/** Whether a process is on its way out, but not gone; undefined when it is. */
async function isExiting(pid: string): Promise<boolean | undefined> {
  const stat = await readStat(pid)
  return stat && (stat.flags & EXITING) !== 0
}

const POLL = 100

/** Waits until the init of a PID namespace that was killed is gone, and sees to it that it can go; at most `limit` ms. */
export async function untilGone(init: string, limit: number): Promise<void> {
  const isGone = async (): Promise<boolean> => {
    await abortFuse(init)
    return (await isExiting(init)) === undefined
  }
  await holdsWithin(isGone, { limit, interval: POLL })
}

/**
 * Where the init of a PID namespace is on its way out, aborts the FUSE mounts of those that are still in there. One that
 * waits for an answer of its FUSE server cannot be killed, and where it holds the server's own device, as a child that
 * ceph-fuse has just started does, nobody else would ever end that wait.
 */
export async function abortFuse(init: string): Promise<void> {
  if ((await isExiting(init)) !== true) return
  const namespace = await namespaceOf(init)
  if (namespace === undefined) return
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && name !== init)) {
    if ((await namespaceOf(pid)) !== namespace) continue
    for (const connection of await connectionsOf(pid))
      await writeFile(`/sys/fs/fuse/connections/${connection}/abort`, '1').catch(() => {})
  }
}

const namespaceOf = (pid: string): Promise<string | undefined> =>
  readlink(`/proc/${pid}/ns/pid`).catch(() => undefined)

/** A connection has the number of its mount's device: "0:48" is 48. */
async function connectionsOf(pid: string): Promise<string[]> {
  const mounts = await readFile(`/proc/${pid}/mountinfo`, 'utf8').catch(() => '')
  return [...mounts.matchAll(/^\d+ \d+ 0:(\d+) .* - fuse(?:\.\S+)? /gm)].map(([, minor = '']) => minor)
}
