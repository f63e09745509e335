import { dump, dumpStatsFile, type DumpResult } from '../criu/dump.ts'
import type { WaitingHandler } from '../handlers/start.ts'
import type { Host } from '../host/host.ts'
import { readDumpStats, type DumpStats } from '../images/index.ts'
import { formatMilliseconds } from '../units.ts'
import { NoiseMonitor } from './noise.ts'
import { takeSamples, type Conditions, type Effort, type Subject } from './sampler.ts'

/** One dump with CRIU's own statistics. */
export interface DumpSample extends DumpResult, Conditions {
  readonly stats: DumpStats
}

type Dump = Omit<DumpSample, keyof Conditions>

export interface DumpTarget {
  /** The words that run CRIU on the host. */
  readonly criu: readonly string[]
  /** Its arguments in addition to the usual ones. */
  readonly arguments?: readonly string[] | undefined
  /** The folder for the images. */
  readonly images: string
  /** The host of the filesystem's servers, if this run started them. */
  readonly servers: Host | undefined
}

/** Dumps a waiting handler repeatedly. The last dump ends the process, as in the reference. */
export async function takeDumps(
  { pid, host, size }: WaitingHandler,
  { criu, images, servers, arguments: more = [] }: DumpTarget,
  effort: Effort,
  progress: (line: string) => void,
): Promise<DumpSample[]> {
  const subject: Subject<Dump> = {
    noun: 'dump',
    // The test cluster's servers are still flushing the previous dump, so a control would be disturbed.
    control: servers ? undefined : { host, size },
    measure: async (isLast) => {
      const result = await dump(host, { criu, arguments: more, pid, images, size, leaveRunning: !isLast })
      return { ...result, stats: await readDumpStats(dumpStatsFile(host)) }
    },
    progress: (which, { total }) => progress(`${which}: ${formatMilliseconds(total)} ms`),
  }
  // The waiting handler spins on its lock. Its host is given to the monitor, so that its CPU time does not count as
  // noise.
  const monitor = new NoiseMonitor([host, ...(servers ? [servers] : [])])
  const [dumps = []] = await takeSamples([subject], effort, monitor)
  return dumps
}
