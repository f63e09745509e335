import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseResults, RESULTS_VERSION } from './results.ts'
import { samplesOf } from './rows.ts'
import { z } from 'zod'

/** A real run that version 1 recorded. */
const text = readFileSync(new URL('./recorded.json', import.meta.url), 'utf8')
const V1 = z.object({
  suites: z.array(
    z.object({
      figures: z.array(z.object({ phase: z.string(), state: z.string(), median: z.number() })),
      samples: z.array(z.object({ nanoseconds: z.record(z.string(), z.string()) })),
    }),
  ),
})

test('results of version 1 are read with the durations and verdicts that they had', () => {
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

test('what version 1 never was is refused', () => {
  expect(() => parseResults({ version: 1, suites: [{ figures: 5 }] })).toThrow('figures')
})
