import type { Interval } from './bootstrap.ts'

/** Of the normal distribution, for an interval at 95 %. */
const Z = 1.959964

/** Wilson's interval at 95 % of a share that was seen as `count` of `n`: it holds near 0 and 1, where calibration looks. */
export function wilson(count: number, n: number): Interval {
  const share = count / n
  const scale = 1 + Z ** 2 / n
  const middle = (share + Z ** 2 / (2 * n)) / scale
  const half = (Z * Math.sqrt((share * (1 - share)) / n + Z ** 2 / (4 * n ** 2))) / scale
  return [Math.max(0, middle - half), Math.min(1, middle + half)]
}
