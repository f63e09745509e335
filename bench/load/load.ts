/** Many starts on this machine. A program of its own asks for them, because this process would be the limit. */
import { fixture } from '../../helpers/installation/paths.ts'
import { run } from '../../helpers/process/process.ts'
import { compile } from '../../helpers/programs/compile.ts'
import { checkReported, LIMIT, type Startable } from './startable.ts'

/** How starts are asked for. */
export interface Load {
  /** At most this many at once. */
  readonly slots: number
  readonly starts: number
  /** Starts a second that are due, whether or not earlier ones have ended. Missing: each slot starts again and again. */
  readonly rate?: number
}

/** Durations in ms. */
export interface LoadResult {
  /** From the moment when a start was due to its end, ascending. */
  readonly latencies: readonly number[]
  /** Starts a second, from the first start to the last end. */
  readonly rate: number
  /** Processor time of a start. */
  readonly user: number
  readonly system: number
}

/** Applies a load. Throws CriuBenchError if a start fails, or reports another checksum. */
export async function applyLoad(
  startable: Startable,
  { slots, starts, rate = 0 }: Load,
): Promise<LoadResult> {
  const { name, sandbox, command, report = '-' } = startable
  const program = await compile(fixture('load/load.c'))
  const { stdout } = await run(sandbox, {
    argv: [program, String(slots), String(starts), String(rate), report, ...command],
    failed: `cannot start ${name} ${slots} at once`,
    fix: 'free memory, or start fewer at once',
    timeout: LIMIT,
  })
  const lines = stdout.trimEnd().split('\n')
  const [, user, system] = lines.pop()?.split(' ') ?? []
  const epoch = BigInt(lines[0]?.split(' ')[0] ?? 0)
  const times = lines.map((line) => startIn(line, epoch))
  for (const { checksum } of times) checkReported(startable, checksum)
  const first = Math.min(...times.map(({ started }) => started))
  const last = Math.max(...times.map(({ ended }) => ended))
  return {
    latencies: times.map(({ due, ended }) => ended - due).toSorted((one, other) => one - other),
    rate: starts / ((last - first) / 1000),
    user: Number(user) / 1e6 / starts,
    system: Number(system) / 1e6 / starts,
  }
}

/** A line of the program: when a start was due, was made and ended, in ms since `epoch`, nanoseconds on CLOCK_REALTIME. */
function startIn(line: string, epoch: bigint) {
  const [due, started, ended, checksum] = line.split(' ')
  const since = (moment = '') => Number(BigInt(moment) - epoch) / 1e6
  return { due: since(due), started: since(started), ended: since(ended), checksum }
}
