import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { isSuspect, judgeAlone, type ChangeState, type Sensitivity } from '../gate/change.ts'
import type { Sampled } from '../gate/sampled.ts'
import type { Milliseconds } from '../units.ts'

/** How often each verdict was given. */
export type Verdicts = Record<ChangeState, number>

/** Fewer than the default, for speed. A 95 % interval needs no more. */
const RESAMPLES = 500

/**
 * Applies the gate to samples that are drawn from recorded ones. The second group is slower by `level`. The rule is the
 * gate's own, including the second measurement of a suspect. Differences between set-ups are not simulated.
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
