import { median } from 'simple-statistics'

/** Minimum number of runs of a level. A single odd run is an outlier, not a change. */
const SHORTEST_LEVEL = 2
/** Lower bound of the estimated relative noise: 2 %, even for runs that vary less. */
const LEAST_NOISE = 0.02
/**
 * Penalty of one cut, in units of (variance of the noise) × ln n. The modified BIC (Zhang and Siegmund 2007) uses 3. In
 * simulated series of 6 to 40 unchanged runs with 3 to 8 % noise, a penalty of 3 raises a false alarm in 4 to 11 % of
 * the series, a penalty of 6 in 0 to 5 %.
 */
const PENALTY = 6

export interface ChangePoint {
  /** Index of the first run of the new level. */
  readonly index: number
  /** Median of the new level / median of the old level. */
  readonly ratio: number
}

/**
 * Finds the runs at which the level of a series of durations changed. Durations are ordered from oldest to newest and
 * must be above 0.
 *
 * The algorithm is optimal partitioning (Jackson et al. 2005): of all ways to cut the series into levels, it picks the
 * one with the smallest squared error plus a penalty for each cut. PELT is a faster version for much longer series.
 *
 * The input is transformed first. Logarithms are used because a slowdown is a factor. A running median of three removes
 * single outliers and leaves steps in place. The noise is the median difference of neighbouring runs, which ignores the
 * few differences that are real changes.
 */
export function changePoints(durations: readonly number[]): ChangePoint[] {
  const logs = durations.map(Math.log)
  const smooth = logs.map((_, index) => {
    const start = Math.max(0, Math.min(index - 1, logs.length - 3))
    return median(logs.slice(start, start + 3))
  })
  const penalty = PENALTY * Math.log(Math.max(2, logs.length)) * noiseOf(logs) ** 2
  const cuts = bestCuts(smooth, penalty)
  return cuts.map((index, position) => {
    const before = durations.slice(cuts[position - 1] ?? 0, index)
    const after = durations.slice(index, cuts[position + 1])
    return { index, ratio: median(after) / median(before) }
  })
}

function bestCuts(values: readonly number[], penalty: number): number[] {
  const costOf = squaredError(values)
  // best[end] has the smallest cost of the first `end` values and the start of their last level.
  const best = [{ cost: -penalty, start: 0 }]
  for (let end = 1; end <= values.length; end++) {
    let least = { cost: Number.POSITIVE_INFINITY, start: 0 }
    for (let start = 0; start <= Math.max(0, end - SHORTEST_LEVEL); start++) {
      const cost = (best[start]?.cost ?? 0) + costOf(start, end) + penalty
      if (cost < least.cost && (start === 0 || start >= SHORTEST_LEVEL)) least = { cost, start }
    }
    best.push(least)
  }
  const cuts: number[] = []
  for (let start = best.at(-1)?.start ?? 0; start > 0; start = best[start]?.start ?? 0) cuts.unshift(start)
  return cuts
}

/** Squared error of values [start, end) around their mean. Running sums make each call constant time. */
function squaredError(values: readonly number[]): (start: number, end: number) => number {
  const sums = [0]
  const squares = [0]
  for (const value of values) {
    sums.push((sums.at(-1) ?? 0) + value)
    squares.push((squares.at(-1) ?? 0) + value ** 2)
  }
  return (start, end) => between(squares, start, end) - between(sums, start, end) ** 2 / (end - start)
}

const between = (running: readonly number[], start: number, end: number): number =>
  (running[end] ?? 0) - (running[start] ?? 0)

/** Estimated standard deviation of the noise: 1.4826 × the median absolute difference of neighbours / √2. */
function noiseOf(values: readonly number[]): number {
  const steps = values.slice(1).map((value, index) => Math.abs(value - (values[index] ?? value)))
  return steps.length === 0 ? LEAST_NOISE : Math.max(LEAST_NOISE, (1.4826 * median(steps)) / Math.SQRT2)
}
