import { readFile } from 'node:fs/promises'
import { dump, dumpStatsFile, type DumpResult } from '../criu/dump.ts'
import { CriuBenchError } from '../errors.ts'
import { HANDLER_FOLDER, handlerFiles } from '../handlers/handler.ts'
import type { WaitingHandler } from '../handlers/start.ts'
import { hostPath, type Host } from '../host/host.ts'
import { readDumpStats, type DumpStats } from '../images/index.ts'
import { startTimeOf } from '../proc/stat.ts'
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

/** Dumps a waiting handler repeatedly. The last dump ends the process, as in the reference. Throws CriuBenchError. */
export async function takeDumps(
  handler: WaitingHandler,
  { criu, images, servers, arguments: more = [] }: DumpTarget,
  effort: Effort,
  progress: (line: string) => void,
): Promise<DumpSample[]> {
  const { pid, host, size, hasOwnNetwork: connections } = handler
  const dumped = { mayHaveEnded: false }
  const subject: Subject<Dump> = {
    noun: 'dump',
    // The test cluster's servers are still flushing the previous dump, so a control would be disturbed.
    control: servers ? undefined : { host, size },
    measure: async (isLast) => {
      const result = await dump(host, {
        criu,
        arguments: more,
        pid,
        images,
        size,
        connections,
        leaveRunning: !isLast,
      })
      dumped.mayHaveEnded = isLast
      return { ...result, stats: await readDumpStats(dumpStatsFile(host)) }
    },
    progress: (which, { total }) => progress(`${which}: ${formatMilliseconds(total)} ms`),
  }
  // The waiting handler spins on its lock. Its host is given to the monitor, so that its CPU time does not count as
  // noise.
  const monitor = new NoiseMonitor([host, ...(servers ? [servers] : [])])
  try {
    const [dumps = []] = await takeSamples([subject], effort, monitor)
    return dumps
  } catch (error) {
    // Of a handler that has ended, the error of the failed step only says what that step did not find.
    if (!dumped.mayHaveEnded) await requireRunning(handler)
    throw error
  }
}

/** A dump interrupts calls of a process that goes on, and the process may take that for an error. Throws CriuBenchError. */
async function requireRunning({ pid, host, name }: WaitingHandler): Promise<void> {
  if ((await startTimeOf(pid, host)) !== undefined) return
  throw new CriuBenchError({
    failed: `the ${name} handler ended after a dump that left it running`,
    found: `no process ${pid}`,
    expected: 'a process that lives on: only the last dump ends it',
    fix: 'repeat calls that CRIU interrupts, such as poll() and sleep(); the output of the handler is below',
    log: await readFile(handlerFiles(hostPath(host, HANDLER_FOLDER)).log, 'utf8').catch(() => ''),
  })
}
