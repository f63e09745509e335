import type { Interval } from './bootstrap.ts'

/** Quantile of the normal distribution for a two-sided interval of 95 %. */
const Z = 1.959964

/**
 * Wilson's 95 % interval of a share, observed as `count` of `n`. Unlike the normal interval it is valid near 0 and 1.
 */
export function wilson(count: number, n: number): Interval {
  const share = count / n
  const scale = 1 + Z ** 2 / n
  const middle = (share + Z ** 2 / (2 * n)) / scale
  const half = (Z * Math.sqrt((share * (1 - share)) / n + Z ** 2 / (4 * n ** 2))) / scale
  return [Math.max(0, middle - half), Math.min(1, middle + half)]
}
