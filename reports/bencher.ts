import type { Results } from './results.ts'
import { keyOf, rowsOf } from './rows.ts'

/**
 * bencher.json, the Bencher Metric Format: medians as `latency`, Bencher's own measure, in nanoseconds; its bounds are
 * the least and the greatest sample. For `bencher run --adapter json --file bencher.json`.
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
