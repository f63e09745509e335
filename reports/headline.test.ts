import { expect, test } from 'vitest'
import { headline, leadingSuites, subline } from './headline.ts'
import { recorded } from './recorded.testing.ts'
import type { Results } from './results.ts'

/** The recorded run with so many samples of the headline disturbed. */
function disturbed(count: number): Results {
  const results = structuredClone(recorded)
  const samples = leadingSuites(results).flatMap((suite) => suite.samples)
  for (const sample of samples.slice(0, count)) sample.noise = ['steal 4 %']
  return results
}

const all = leadingSuites(recorded).flatMap(({ samples }) => samples).length

test('the headline says when most samples were disturbed, and boasts of no figure then', () => {
  const results = disturbed(all / 2 + 1)
  expect(headline(results)).toBe(`The machine disturbed ${all / 2 + 1} of ${all} samples: measure again.`)
  expect(subline(results)).toMatch(/medians of \d+ runs\. As measured: 1MB [\d.]+ ms, 16MB [\d.]+ ms\.$/)
})

test('the headline has the cold starts if half of the samples were disturbed, or fewer', () => {
  expect(headline(disturbed(all / 2))).toBe(headline(recorded))
  expect(headline(recorded)).toMatch(/^A 1MB process starts from its checkpoint in/)
  expect(subline(recorded)).toContain('× the MITOSIS reference')
})
