import { medianOf } from './bootstrap.ts'

/** For each value, the median of the value and up to `reach` neighbours on either side. */
export const runningMedian = (values: readonly number[], reach: number): number[] =>
  values.map((_, index) => medianOf(values.slice(Math.max(0, index - reach), index + reach + 1)))
