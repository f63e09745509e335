import type { SuiteResults } from '../../reports/results.ts'
import { samplesOf } from '../../reports/rows.ts'
import { medianOf, ratioOfMedians, type RatioOfMedians } from '../stats/bootstrap.ts'
import { runningMedian } from '../stats/running-median.ts'
import type { Milliseconds } from '../units.ts'

/** The machine's own speed, sample by sample. */
export interface Control {
  /** The program that ran, named by its content. */
  readonly program: string
  /** How long it took right before each sample. */
  readonly times: readonly Milliseconds[]
}

/** The samples of one figure in one run. */
export interface Sampled {
  readonly samples: readonly Milliseconds[]
  /** Missing where one of the samples has none. */
  readonly control?: Control | undefined
  /** How many samples were taken while the machine was busy with something else. */
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

/** A ratio of medians, now / before, without the change of the machine itself. */
export interface Ratio extends RatioOfMedians {
  /** Control now / control before, by which the ratio was divided. Missing where it was not. */
  readonly machine?: number
}

/**
 * The ratio of two runs. Each sample is divided by the control around it, since a machine drifts by several percent
 * within seconds, and control and sample drift together. Where one run has no control, or another control, the samples
 * are compared as they are.
 */
export function ratioOf(before: Sampled, now: Sampled, resamples?: number): Ratio {
  if (!before.control || before.control.program !== now.control?.program)
    return ratioOfMedians(before.samples, now.samples, resamples)
  const machine = medianOf(now.control.times) / medianOf(before.control.times)
  return { ...ratioOfMedians(overControl(before), overControl(now), resamples), machine }
}

/** The samples of one run without the machine's drift during the run; unchanged where there is no control. */
export function normalizeByControl(sampled: Sampled): Milliseconds[] {
  const typical = sampled.control && medianOf(sampled.control.times)
  return typical === undefined ? [...sampled.samples] : overControl(sampled).map((ratio) => ratio * typical)
}

/** Neighbours on either side of the running median: one control alone varies more than a machine drifts within 15 samples. */
const REACH = 7

function overControl({ samples, control }: Sampled): number[] {
  const times = runningMedian(control?.times ?? [], REACH)
  return samples.map((sample, index) => sample / (times[index] ?? Number.NaN))
}
