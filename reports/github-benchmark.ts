import type { Results } from './results.ts'
import { keyOf, rowsOf, sentenceOf } from './rows.ts'

/** github-benchmark.json, for the tool `customSmallerIsBetter` of github-action-benchmark: medians in ms ± sd. */
export function githubBenchmarkReport(results: Results): string {
  const entries = rowsOf(results).map((row) => ({
    name: keyOf(row),
    unit: 'ms',
    value: row.figure.median,
    range: `± ${row.figure.sd.toFixed(3)}`,
    extra: sentenceOf(row),
  }))
  return `${JSON.stringify(entries, undefined, 2)}\n`
}
