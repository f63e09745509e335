import { readdir, readFile } from 'node:fs/promises'
import { hostPath, localHost, type Host } from '../host/host.ts'
import { readStat, type ProcessStat } from './stat.ts'

/** A process at one moment. */
export interface LiveStat extends ProcessStat {
  readonly pid: number
}

/** When a process started. */
export type Moment = Pick<LiveStat, 'pid' | 'startTime'>

/** A process of `host` and its descendants at this moment, without those that end in the meantime. */
export async function treeOf(pid: number, host: Host): Promise<LiveStat[]> {
  const stat = await readStat(pid, host)
  if (!stat) return []
  const below = await Promise.all((await childrenOf(pid, host)).map((child) => treeOf(child, host)))
  return [{ pid, ...stat }, ...below.flat()]
}

async function childrenOf(pid: number, host: Host): Promise<number[]> {
  const folder = hostPath(host, `/proc/${pid}/task`)
  const threads = await readdir(folder).catch(() => [])
  const lists = await Promise.all(
    threads.map((thread) => readFile(`${folder}/${thread}/children`, 'utf8').catch(() => '')),
  )
  return lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number))
}

/**
 * The processes that lost their parent and were started after `first`: descendants of it that have left its tree. On this
 * machine, which has other orphans, only those with `variable` in their environment.
 */
export async function orphansSince(first: Moment, host: Host, variable: string): Promise<LiveStat[]> {
  const names = await readdir(hostPath(host, '/proc')).catch(() => [])
  const pids = names.map(Number).filter((pid) => Number.isInteger(pid) && pid !== first.pid)
  const stats = await Promise.all(
    pids.map(async (pid): Promise<LiveStat[]> => {
      const stat = await readStat(pid, host)
      const isOrphan = stat?.parent === 1 && startedAfter({ pid, ...stat }, first)
      return isOrphan && (host !== localHost || (await hasVariable(pid, host, variable))) ? [{ pid, ...stat }] : [] // prettier-ignore
    }),
  )
  return stats.flat()
}

/** Start times are no finer than clock ticks. */
function startedAfter(one: Moment, other: Moment): boolean {
  const [late, early] = [BigInt(one.startTime), BigInt(other.startTime)]
  return late > early || (late === early && one.pid > other.pid)
}

const hasVariable = async (pid: number, host: Host, name: string): Promise<boolean> =>
  (await readFile(hostPath(host, `/proc/${pid}/environ`), 'latin1').catch(() => ''))
    .split('\0')
    .some((entry) => entry.startsWith(`${name}=`))
