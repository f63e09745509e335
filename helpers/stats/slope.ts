/** An estimate of a slope with its standard error. */
export interface Slope {
  readonly slope: number
  readonly error: number
}

/** Pairs of values that were observed together. */
export interface Observed {
  readonly x: readonly number[]
  readonly y: readonly number[]
}

/**
 * The slope of y on x within each of several series, whose own levels do not matter. `independent` is how many of the
 * values in a row count as one observation: neighbours in a running median share most of their samples. Undefined if
 * the series are too short, or if x does not vary.
 */
export function slopeWithin(series: readonly Observed[], independent: number): Slope | undefined {
  let [xx, xy, yy, observations] = [0, 0, 0, 0]
  for (const { x, y } of series) {
    const [meanX, meanY] = [meanOf(x), meanOf(y)]
    for (const [index, value] of x.entries()) {
      const dx = value - meanX
      const dy = (y[index] ?? meanY) - meanY
      xx += dx * dx
      xy += dx * dy
      yy += dy * dy
    }
    observations += Math.max(0, x.length / independent - 1)
  }
  return slopeOf(xx, xy, yy, observations - 1)
}

/** The slope of y on x through the origin. Undefined with fewer than three pairs, or if x does not differ from 0. */
export function slopeThroughOrigin({ x, y }: Observed): Slope | undefined {
  if (x.length < 3) return undefined
  return slopeOf(products(x, x), products(x, y), products(y, y), x.length - 1)
}

const products = (of: readonly number[], by: readonly number[]): number =>
  of.reduce((total, value, index) => total + value * (by[index] ?? 0), 0)

/** Smaller sums of squares are rounding errors. */
const NOTHING = 1e-12

function slopeOf(xx: number, xy: number, yy: number, degrees: number): Slope | undefined {
  if (xx < NOTHING) return undefined
  const slope = xy / xx
  const residual = Math.max(0, yy - slope * xy)
  return { slope, error: Math.sqrt(residual / Math.max(degrees, FEWEST) / xx) }
}

/** Series that are too short for an error still give one, a large one. */
const FEWEST = 0.5

/**
 * Combines estimates of one slope with the prior belief that it is 0, give or take `prior`, each by its precision: a
 * slope without evidence is 0, with an error of `prior`.
 */
export function shrunk(estimates: readonly Slope[], prior: number): Slope {
  let precision = prior ** -2
  let weighted = 0
  for (const { slope, error } of estimates) {
    precision += error ** -2
    weighted += slope * error ** -2
  }
  return { slope: weighted / precision, error: precision ** -0.5 }
}

/** The mean of at least one value. */
export const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length
