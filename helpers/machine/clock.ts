import { CriuBenchError } from '../errors.ts'
import type { Milliseconds, Nanoseconds } from '../units.ts'
import type { Host } from '../host/host.ts'
import { converse, type Dialogue } from '../process/dialogue.ts'
import { run } from '../process/process.ts'

const FIX = 'install GNU coreutils on the host: it needs sh, and a date(1) that knows %N'

/**
 * CLOCK_REALTIME of `host`, ns. On this machine it is read at the start of a millisecond, the resolution of JavaScript's
 * clock. From another machine it is older by the time that the answer takes. Throws CriuBenchError.
 */
export async function nowOn(host: Host): Promise<Nanoseconds> {
  if (host.sshCommand === undefined) return onTheMillisecond()
  const failed = 'cannot read the clock of the host that restores'
  return nanosecondsIn(
    (await run(host, { argv: ['date', '+%s%N'], failed, fix: FIX, timeout: 10_000 })).stdout,
  )
}

function onTheMillisecond(): Nanoseconds {
  const before = Date.now()
  let now = before
  while (now === before) now = Date.now()
  return BigInt(now) * 1_000_000n
}

/** The difference between another host's clock and this one's. */
export interface ClockComparison {
  /** The other host's time minus this one's. */
  readonly offset: Milliseconds
  /** Maximum error of `offset`: half the round trip of the best probe, plus the resolution of this clock. */
  readonly bound: Milliseconds
  readonly probes: number
}

const PROBES = 20
const PROBE_LIMIT = 10_000

/**
 * Cristian's algorithm: reads the other clock between two readings of this one; the fastest of several probes has the
 * smallest error. Throws CriuBenchError.
 */
export async function compareClocks(host: Host): Promise<ClockComparison> {
  await using dialogue = converse(host, {
    argv: ['sh', '-c', 'while read -r _; do date +%s%N; done'],
    failed: 'cannot compare the clocks of the two hosts',
    fix: FIX,
    timeout: PROBE_LIMIT,
  })
  const clock = fineClock()
  let best: Omit<ClockComparison, 'probes'> | undefined
  for (let probe = 0; probe < PROBES; probe++) {
    const found = await compareOnce(dialogue, clock)
    if (best === undefined || found.bound < best.bound) best = found
  }
  return { offset: best?.offset ?? 0, bound: best?.bound ?? 0, probes: PROBES }
}

async function compareOnce(dialogue: Dialogue, clock: FineClock): Promise<Omit<ClockComparison, 'probes'>> {
  const sent = performance.now()
  const theirs = nanosecondsIn(await dialogue.ask('now'))
  const halfway = (performance.now() - sent) / 2
  const ours = clock.origin + BigInt(Math.round((sent + halfway) * 1e6))
  return { offset: Number(theirs - ours) / 1e6, bound: halfway + clock.grain }
}

interface FineClock {
  /** CLOCK_REALTIME, ns, at the zero of performance.now(). */
  readonly origin: Nanoseconds
  /** Maximum error of `origin`, ms. */
  readonly grain: Milliseconds
}

/** This clock with a resolution below 1 ms. It is read anew each time, because someone may have set the clock. */
function fineClock(): FineClock {
  const first = performance.now()
  const start = Date.now()
  let [edge, earlier, last] = [start, first, first]
  while (edge === start) {
    earlier = last
    last = performance.now()
    edge = Date.now()
  }
  // The millisecond began between the last two readings.
  return {
    origin: BigInt(edge) * 1_000_000n - BigInt(Math.round(last * 1e6)),
    grain: performance.now() - earlier,
  }
}

function nanosecondsIn(text: string): Nanoseconds {
  const found = text.trim()
  if (/^\d{19}$/.test(found)) return BigInt(found)
  throw new CriuBenchError({
    failed: 'cannot read the clock of another host',
    found: found === '' ? 'no answer of date(1)' : `"${found}"`,
    expected: 'nanoseconds since 1970 from `date +%s%N`',
    fix: FIX,
  })
}
