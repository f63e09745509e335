import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { isSuspect, judgeAlone, type ChangeState, type Sensitivity } from '../gate/change.ts'
import type { Sampled } from '../gate/sampled.ts'
import type { Milliseconds } from '../units.ts'

/** How often each verdict came out. */
export type Verdicts = Record<ChangeState, number>

/** Enough for verdicts at 95 %, many times over. */
const RESAMPLES = 500

/**
 * The gate on samples drawn anew from recorded ones, and in the second group made slower by `level`: the same rule,
 * re-measurement included, in a fraction of the time. It knows nothing of what differs from one measurement to the next.
 */
export function simulate(
  recorded: readonly Milliseconds[],
  { iterations, level, trials }: { iterations: number; level: number; trials: number },
  sensitivity: Sensitivity,
  seed = 1,
): Verdicts {
  const random = xoroshiro128plus(seed)
  const draw = (factor: number): Sampled => ({
    samples: Array.from(
      { length: iterations },
      () => (recorded[uniformInt(random, 0, recorded.length - 1)] ?? Number.NaN) * factor,
    ),
    disturbed: 0,
  })
  const verdicts = { pass: 0, regression: 0, improvement: 0, inconclusive: 0 }
  for (let trial = 0; trial < trials; trial++) {
    const before = draw(1)
    const first = judgeAlone({ before, now: draw(1 + level) }, sensitivity, RESAMPLES)
    const last = isSuspect(first)
      ? judgeAlone({ before, now: draw(1 + level) }, sensitivity, RESAMPLES)
      : first
    verdicts[last.state] += 1
  }
  return verdicts
}
