import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { medianSorted, quantileSorted, sampleVariance } from 'simple-statistics'

/** Lower and upper bound. */
export type Interval = readonly [number, number]

/** Enough that the standard error is within 5 % of what more resamples give. */
const RESAMPLES = 400
/** Fixed, so that the same samples give the same figures on every machine and in every run. */
const SEED = 20_260_101

/** The median of at least one sample. */
export const medianOf = (samples: readonly number[]): number => medianSorted(sorted(samples))

/** The variance of the median of at least one sample, by resampling: how far another set of samples would differ. */
export const varianceOfMedian = (samples: readonly number[]): number =>
  sampleVariance(resampledMedians(samples))

/** With fewer samples there is no 95 % interval: all of them lie above the median, or below, too often. */
const FEWEST = 5

/** The 95 % interval of the median, by resampling. Undefined for fewer than 5 samples. */
export function intervalOfMedian(samples: readonly number[]): Interval | undefined {
  if (samples.length < FEWEST) return undefined
  const medians = sorted(resampledMedians(samples))
  return [quantileSorted(medians, 0.025), quantileSorted(medians, 0.975)]
}

function resampledMedians(samples: readonly number[]): number[] {
  const ordered = sorted(samples)
  const n = ordered.length
  const random = xoroshiro128plus(SEED)
  const drawn = new Uint32Array(n)
  return Array.from({ length: RESAMPLES }, () => {
    drawn.fill(0)
    for (let draw = 0; draw < n; draw++) {
      const rank = uniformInt(random, 0, n - 1)
      drawn[rank] = (drawn[rank] ?? 0) + 1
    }
    return (at(ordered, drawn, Math.floor((n - 1) / 2)) + at(ordered, drawn, Math.floor(n / 2))) / 2
  })
}

const sorted = (samples: readonly number[]): number[] => samples.toSorted((one, other) => one - other)

/** The value at `place`, from 0, of the sorted resample that `drawn` describes: how often each rank was drawn. */
function at(ordered: readonly number[], drawn: Uint32Array, place: number): number {
  let rank = 0
  for (let seen = drawn[0] ?? 0; seen <= place; seen += drawn[rank] ?? 0) rank++
  return ordered[rank] ?? Number.NaN
}
