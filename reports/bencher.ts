import type { Results } from './results.ts'
import { keyOf, rowsOf } from './rows.ts'

/**
 * bencher.json, in the Bencher Metric Format: `bencher run --adapter json --file bencher.json`. The measure is
 * Bencher's built-in `latency` in nanoseconds: the value is the median, the bounds are the fastest and slowest sample.
 */
export function bencherReport(results: Results): string {
  const metrics = rowsOf(results).map((row) => {
    const { median, min, max } = row.figure
    const latency = {
      value: nanoseconds(median),
      lower_value: nanoseconds(min),
      upper_value: nanoseconds(max),
    }
    return [keyOf(row), { latency }]
  })
  return `${JSON.stringify(Object.fromEntries(metrics), undefined, 2)}\n`
}

const nanoseconds = (milliseconds: number): number => Math.round(milliseconds * 1e6)
