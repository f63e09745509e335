import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { medianSorted, quantileSorted } from 'simple-statistics'

/** From and to, the smaller first. */
export type Interval = readonly [number, number]

/** What the samples say of a ratio of two medians. */
export interface RatioOfMedians {
  /** Median of `now` / median of `before`. */
  readonly ratio: number
  /** Percentile interval of the ratio: `confidence` is 0.95 for 95 %. */
  readonly interval: (confidence: number) => Interval
  /** Share of the resamples with a ratio of at most (at least) this: one-sided evidence against a change beyond it; never 0. */
  readonly atMost: (ratio: number) => number
  readonly atLeast: (ratio: number) => number
}

/** Enough that the 99.8 % interval still has ten resamples on each side of it. */
export const RESAMPLES = 10_000
/** The same samples give the same interval, on every machine and in every run. */
const SEED = 20_260_101

/**
 * Bootstrap of the ratio of the medians of two independent groups of samples, each resampled on its own. Percentile
 * intervals: a median has too few distinct values in its jackknife for BCa's acceleration to mean anything. Both
 * groups need at least one sample, all above 0.
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

/** Of at least one sample. */
export const medianOf = (samples: readonly number[]): number => medianSorted(sorted(samples))

const sorted = (samples: readonly number[]): number[] => samples.toSorted((one, other) => one - other)

/** Medians of resamples: which ranks were drawn is counted, so that none has to be sorted. */
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

/** The value in that place, from 0, of a resample told by how often each rank was drawn. */
function at(ordered: readonly number[], drawn: Uint32Array, place: number): number {
  let rank = 0
  for (let seen = drawn[0] ?? 0; seen <= place; seen += drawn[rank] ?? 0) rank++
  return ordered[rank] ?? Number.NaN
}
