import type { SuiteResults } from '../../reports/results.ts'
import { samplesOf } from '../../reports/rows.ts'
import { medianOf, ratioOfMedians, type RatioOfMedians } from '../stats/bootstrap.ts'
import { runningMedian } from '../stats/running-median.ts'
import type { Milliseconds } from '../units.ts'

/** Times of the control, a fixed, unrelated workload: the speed of the machine, sample by sample. */
export interface Control {
  /** Name of the program, with a hash of its content. */
  readonly program: string
  /** How long the control took right before each sample. */
  readonly times: readonly Milliseconds[]
}

/** The samples of one figure in one run. */
export interface Sampled {
  readonly samples: readonly Milliseconds[]
  /** Missing if any of the samples has no control. */
  readonly control?: Control | undefined
  /** How many samples were taken while other programs or virtual machines used the processor. */
  readonly disturbed: number
}

/** The samples of a phase as the gate compares them. */
export function sampledOf(
  suite: Pick<SuiteResults, 'dumps' | 'samples' | 'control'>,
  phase: string,
): Sampled {
  const taken = samplesOf(suite, phase)
  const times = taken.flatMap(({ control }) => control ?? [])
  const control =
    suite.control !== undefined && times.length === taken.length
      ? { program: suite.control, times }
      : undefined
  return {
    samples: taken.map(({ duration }) => duration),
    disturbed: taken.filter(({ noise }) => noise.length > 0).length,
    ...(control && { control }),
  }
}

/** A ratio of medians, now / before, corrected for the drift of the machine. */
export interface Ratio extends RatioOfMedians {
  /** The drift: median of the control now / before. Missing if the ratio is not corrected. */
  readonly machine?: number
}

/**
 * The ratio of two runs. A machine drifts by several percent within seconds, and control and sample drift together, so
 * each sample is divided by the controls around it. If one run has no control, or another control, the samples are
 * compared as they are.
 */
export function ratioOf(before: Sampled, now: Sampled, resamples?: number): Ratio {
  if (!before.control || before.control.program !== now.control?.program)
    return ratioOfMedians(before.samples, now.samples, resamples)
  const machine = medianOf(now.control.times) / medianOf(before.control.times)
  return { ...ratioOfMedians(dividedByControl(before), dividedByControl(now), resamples), machine }
}

/** The samples of one run, corrected for drift during the run. Unchanged if there is no control. */
export function normalizeByControl(sampled: Sampled): Milliseconds[] {
  const typical = sampled.control && medianOf(sampled.control.times)
  return typical === undefined
    ? [...sampled.samples]
    : dividedByControl(sampled).map((ratio) => ratio * typical)
}

/**
 * Neighbours on either side in the running median of the control. A single control varies more than a machine drifts
 * within 15 samples.
 */
const NEIGHBOURS = 7

function dividedByControl({ samples, control }: Sampled): number[] {
  const times = runningMedian(control?.times ?? [], NEIGHBOURS)
  return samples.map((sample, index) => sample / (times[index] ?? Number.NaN))
}
