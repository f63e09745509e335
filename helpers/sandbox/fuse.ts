import { readdir, readFile, readlink } from 'node:fs/promises'
import { localHost } from '../host/host.ts'
import { readStat } from '../proc/stat.ts'
import { run } from '../process/process.ts'
import { holdsWithin } from '../process/wait.ts'

/** PF_EXITING of the kernel's include/linux/sched.h. */
const EXITING = 0x4

/** Whether a process is on its way out, but not gone; undefined when it is. */
export async function isExiting(pid: number): Promise<boolean | undefined> {
  const stat = await readStat(pid)
  return stat && (stat.flags & EXITING) !== 0
}

/** Milliseconds. */
const INTERVAL = 100

/**
 * Waits until the init of a PID namespace that was killed is gone, and sees to it that it can go; at most `limit` ms.
 * Returns why it is not gone; undefined when it is.
 */
export async function untilGone(init: number, limit: number): Promise<string | undefined> {
  let obstacle = 'no FUSE mount that could be what it waits for'
  const isGone = async (): Promise<boolean> => {
    await abortFuse(init).catch((error: unknown) => (obstacle = String(error)))
    return (await isExiting(init)) === undefined
  }
  if (await holdsWithin(isGone, { limit, interval: INTERVAL })) return undefined
  return `processes that do not end within ${limit / 1000} s after they were killed (${obstacle})`
}

/**
 * Where the init of a PID namespace is on its way out, aborts the FUSE mounts of the processes that are still in there. A
 * process that waits for an answer of its FUSE server cannot be killed. Where it holds the server's own device, as a
 * child that ceph-fuse has just started does, nobody else would ever end that wait. Throws CriuBenchError.
 */
export async function abortFuse(init: number): Promise<void> {
  if ((await isExiting(init)) !== true) return
  const namespace = await namespaceOf(String(init))
  if (namespace === undefined) return
  const connections = new Set<string>()
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && name !== String(init))) {
    if ((await namespaceOf(pid)) !== namespace) continue
    for (const connection of await connectionsOf(pid)) connections.add(connection)
  }
  if (connections.size > 0) await abortConnections([...connections])
}

const namespaceOf = (pid: string): Promise<string | undefined> =>
  readlink(`/proc/${pid}/ns/pid`).catch(() => undefined)

/** A connection has the number of its mount's device: "0:48" is 48. */
async function connectionsOf(pid: string): Promise<string[]> {
  const mounts = await readFile(`/proc/${pid}/mountinfo`, 'utf8').catch(() => '')
  return [...mounts.matchAll(/^\d+ \d+ 0:(\d+) .* - fuse(?:\.\S+)? /gm)].map(([, minor = '']) => minor)
}

// Nobody has to have mounted fusectl: it is mounted in a namespace of this script's own, and gone with it. A connection
// that is gone by now needs nothing.
const ABORT = `
mount -t fusectl none /run
for connection; do
  echo 1 > "/run/$connection/abort" || [ ! -e "/run/$connection" ]
done`

async function abortConnections(connections: readonly string[]): Promise<void> {
  await run(localHost, {
    // prettier-ignore
    argv: ['unshare', '--mount', '--propagation', 'private', '--', 'sh', '-ec', ABORT, 'sh', ...connections],
    failed: `cannot abort the FUSE connections ${connections.join(', ')}`,
    fix: 'mount -t fusectl none /mnt, then write 1 to abort in the folder of each connection',
    timeout: 5000,
  })
}
