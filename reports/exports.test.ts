import { expect, test } from 'vitest'
import { z } from 'zod'
import { annotations } from './annotations.ts'
import { bencherReport } from './bencher.ts'
import { githubBenchmarkReport } from './github-benchmark.ts'
import { judged, recorded } from './recorded.testing.ts'
import { hasFailed, keyOf, rowsOf } from './rows.ts'

const keys = rowsOf(recorded).map(keyOf)

test('every figure has a unique key', () => expect(new Set(keys).size).toBe(keys.length))

test('bencher.json has a latency in nanoseconds with its bounds for every figure', () => {
  const Metric = z.strictObject({ value: z.int(), lower_value: z.int(), upper_value: z.int() })
  // The documented format of Bencher: benchmark -> measure -> value and bounds.
  const Bmf = z.record(z.string().max(1024), z.strictObject({ latency: Metric }))
  const metrics = Bmf.parse(JSON.parse(bencherReport(recorded)))
  expect(Object.keys(metrics)).toEqual(keys)
  for (const row of rowsOf(recorded)) {
    const latency = metrics[keyOf(row)]?.latency
    expect(latency?.value).toBe(Math.round(row.figure.median * 1e6))
    expect(latency?.lower_value).toBeLessThanOrEqual(latency?.value ?? Number.NaN)
    expect(latency?.upper_value).toBeGreaterThanOrEqual(latency?.value ?? Number.NaN)
  }
})

test('github-benchmark.json has an entry for every figure', () => {
  const Entry = z.strictObject({ name: z.string(), unit: z.literal('ms'), value: z.number(), range: z.string().regex(/^± [\d.]+$/), extra: z.string() }) // prettier-ignore
  const entries = z.array(Entry).parse(JSON.parse(githubBenchmarkReport(recorded)))
  expect(entries.map(({ name, value }) => [name, value])).toEqual(rowsOf(recorded).map((row) => [keyOf(row), row.figure.median])) // prettier-ignore
})

test('every failed figure is an annotation of one line, at its test if the location is known', () => {
  const failed = rowsOf(judged).filter(hasFailed)
  const lines = annotations(judged, () => ({ file: 'bench/a,b.bench.ts', line: 7 }))
  expect(lines).toHaveLength(failed.length)
  expect(lines.filter((line) => line.includes('\n'))).toEqual([])
  expect(lines[0]).toMatch(
    /^::error file=bench\/a%2Cb\.bench\.ts,line=7,title=\w+%3A tmpfs 1MB mapped python > [a-z ]+::/,
  )
  expect(annotations(judged)[0]).toMatch(/^::error title=/)
  expect(annotations(recorded)).toEqual([])
})
