import { medianOf, ratioOfMedians, type RatioOfMedians } from '../stats/bootstrap.ts'
import { runningMedian } from '../stats/running-median.ts'
import type { Milliseconds } from '../units.ts'

/** The machine's own speed, sample by sample. */
export interface Control {
  /** What was run, by its content. */
  readonly program: string
  /** What it took right before each sample. */
  readonly times: readonly Milliseconds[]
}

/** What one run has of one figure. */
export interface Sampled {
  readonly samples: readonly Milliseconds[]
  /** Left out where one of the samples has none. */
  readonly control?: Control | undefined
  /** How many of them were taken while the machine did something else as well. */
  readonly disturbed: number
}

/** How the machine was for each of the samples, of which each has its `control`; `program` is what took so long. */
export function conditionsOf(
  taken: ReadonlyArray<{ readonly control?: Milliseconds | undefined; readonly noise?: unknown }>,
  program: string | undefined,
): Omit<Sampled, 'samples'> {
  const times = taken.flatMap(({ control }) => control ?? [])
  const isWhole = program !== undefined && times.length === taken.length
  const disturbed = taken.filter(({ noise }) => noise).length
  return { disturbed, ...(isWhole && { control: { program, times } }) }
}

/** A ratio of medians, now / before, without what the machine itself has changed. */
export interface Ratio extends RatioOfMedians {
  /** How many times as long the control took, which is what was taken out; left out where nothing was. */
  readonly machine?: number
}

/**
 * Of the samples, each over what the control took around it: a machine drifts by several percent within seconds, and
 * control and sample together. Where one side has no control, or another one, of the samples as they are.
 */
export function ratioOf(before: Sampled, now: Sampled, resamples?: number): Ratio {
  if (!before.control || before.control.program !== now.control?.program)
    return ratioOfMedians(before.samples, now.samples, resamples)
  const machine = medianOf(now.control.times) / medianOf(before.control.times)
  return { ...ratioOfMedians(overControl(before), overControl(now), resamples), machine }
}

/** The samples of one run as if the machine had not drifted meanwhile; as they are where there is no control. */
export function normalizeByControl(sampled: Sampled): Milliseconds[] {
  const typical = sampled.control && medianOf(sampled.control.times)
  return typical === undefined ? [...sampled.samples] : overControl(sampled).map((ratio) => ratio * typical)
}

/** By itself the control varies from one time to the next, more than a machine drifts within so many samples. */
const REACH = 7

function overControl({ samples, control }: Sampled): number[] {
  const times = runningMedian(control?.times ?? [], REACH)
  return samples.map((sample, index) => sample / (times[index] ?? Number.NaN))
}
