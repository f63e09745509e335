import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseResults, RESULTS_VERSION } from './results.ts'
import { samplesOf } from './rows.ts'
import { z } from 'zod'

/** A recorded run in version 1. */
const text = readFileSync(new URL('./recorded.json', import.meta.url), 'utf8')
const V1 = z.object({
  suites: z.array(
    z.object({
      figures: z.array(z.object({ phase: z.string(), state: z.string(), median: z.number() })),
      samples: z.array(z.object({ nanoseconds: z.record(z.string(), z.string()) })),
    }),
  ),
})

test('reads results of version 1 with the same durations and verdicts', () => {
  const before = V1.parse(JSON.parse(text))
  const now = parseResults(JSON.parse(text))
  expect(now.version).toBe(RESULTS_VERSION)
  expect(now.suites).toHaveLength(before.suites.length)
  for (const [index, suite] of now.suites.entries()) {
    const old = before.suites[index]
    expect(suite.figures.map(({ verdict }) => verdict.state)).toEqual(old?.figures.map(({ state }) => state))
    for (const phase of ['restore', 'execution', 'cold start']) {
      const durations = old?.samples.map(({ nanoseconds }) => Number(nanoseconds[phase]) / 1e6)
      expect(samplesOf(suite, phase).map(({ duration }) => duration)).toEqual(durations)
    }
  }
})

test('rejects content that is not version 1', () => {
  expect(() => parseResults({ version: 1, suites: [{ figures: 5 }] })).toThrow('figures')
})
