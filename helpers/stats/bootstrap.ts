import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { medianSorted, quantileSorted } from 'simple-statistics'

/** Lower and upper bound. */
export type Interval = readonly [number, number]

/** An estimate of the ratio of two medians from samples. */
export interface RatioOfMedians {
  /** Median of `now` / median of `before`. */
  readonly ratio: number
  /** Percentile interval of the ratio: `confidence` is 0.95 for 95 %. */
  readonly interval: (confidence: number) => Interval
  /** Share of the resamples whose ratio is at most the given one: a one-sided p-value, never 0. */
  readonly atMost: (ratio: number) => number
  /** Share of the resamples whose ratio is at least the given one: a one-sided p-value, never 0. */
  readonly atLeast: (ratio: number) => number
}

/** Enough that ten resamples are beyond each end of the 99.8 % interval. */
export const RESAMPLES = 10_000
/** Fixed, so that the same samples give the same interval on every machine and in every run. */
const SEED = 20_260_101

/**
 * Bootstraps the ratio of the medians of two independent groups of samples, with percentile intervals. Each group is
 * resampled separately, and needs at least one sample; all samples must be above 0. BCa intervals are not used, because
 * the jackknife of a median has too few distinct values to estimate their acceleration.
 */
export function ratioOfMedians(
  before: readonly number[],
  now: readonly number[],
  resamples: number = RESAMPLES,
): RatioOfMedians {
  const below = resampledMedians(before, resamples, SEED)
  const above = resampledMedians(now, resamples, SEED + 1)
  const ratios = above.map((median, index) => median / (below[index] ?? Number.NaN)).toSorted()
  const values = [...ratios]
  const share = (count: number): number => (count + 1) / (resamples + 1)
  return {
    ratio: medianOf(now) / medianOf(before),
    interval: (confidence) => [
      quantileSorted(values, (1 - confidence) / 2),
      quantileSorted(values, (1 + confidence) / 2),
    ],
    atMost: (ratio) => share(values.filter((value) => value <= ratio).length),
    atLeast: (ratio) => share(values.filter((value) => value >= ratio).length),
  }
}

/** The median of at least one sample. */
export const medianOf = (samples: readonly number[]): number => medianSorted(sorted(samples))

const sorted = (samples: readonly number[]): number[] => samples.toSorted((one, other) => one - other)

/** Medians of resamples. Counts how often each rank was drawn, so that no resample needs sorting. */
function resampledMedians(samples: readonly number[], resamples: number, seed: number): Float64Array {
  const ordered = sorted(samples)
  const n = ordered.length
  const random = xoroshiro128plus(seed)
  const drawn = new Uint32Array(n)
  return Float64Array.from({ length: resamples }, () => {
    drawn.fill(0)
    for (let draw = 0; draw < n; draw++) {
      const rank = uniformInt(random, 0, n - 1)
      drawn[rank] = (drawn[rank] ?? 0) + 1
    }
    return (at(ordered, drawn, Math.floor((n - 1) / 2)) + at(ordered, drawn, Math.floor(n / 2))) / 2
  })
}

/** The value at `place`, from 0, of the sorted resample that `drawn` describes: how often each rank was drawn. */
function at(ordered: readonly number[], drawn: Uint32Array, place: number): number {
  let rank = 0
  for (let seen = drawn[0] ?? 0; seen <= place; seen += drawn[rank] ?? 0) rank++
  return ordered[rank] ?? Number.NaN
}
