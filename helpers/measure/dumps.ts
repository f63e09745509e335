import { dump, dumpStatsFile, type DumpResult } from '../criu/dump.ts'
import type { WaitingHandler } from '../handlers/start.ts'
import type { Host } from '../host/host.ts'
import { readDumpStats, type DumpStats } from '../images/index.ts'
import { formatMilliseconds } from '../units.ts'
import { NoiseWatch } from './noise.ts'
import { takeSamples, type Conditions, type Effort, type Subject } from './sampler.ts'

/** One dump with CRIU's own statistics. */
export interface DumpSample extends DumpResult, Conditions {
  readonly stats: DumpStats
}

type Dump = Omit<DumpSample, keyof Conditions>

export interface DumpTarget {
  /** Path of CRIU on the host. */
  readonly criu: string
  /** The folder for the images. */
  readonly images: string
  /** The servers of the filesystem, where this run started them. */
  readonly servers: Host | undefined
}

/** Dumps a waiting handler repeatedly. The last dump ends the process, as the reference's does. */
export async function takeDumps(
  { pid, host, size }: WaitingHandler,
  { criu, images, servers }: DumpTarget,
  effort: Effort,
  progress: (line: string) => void,
): Promise<DumpSample[]> {
  const subject: Subject<Dump> = {
    noun: 'dump',
    // Our own servers are still flushing the previous dump, so no control can run before the next one.
    controlOn: servers ? undefined : host,
    measure: async (isLast) => {
      const result = await dump(host, { criu, pid, images, size, leaveRunning: !isLast })
      return { ...result, stats: await readDumpStats(dumpStatsFile(host)) }
    },
    progress: (which, { total }) => progress(`${which}: ${formatMilliseconds(total)} ms`),
  }
  // The waiting handler spins on its lock: its CPU time is not noise.
  const watch = new NoiseWatch([host, ...(servers ? [servers] : [])])
  const [dumps = []] = await takeSamples([subject], effort, watch)
  return dumps
}
