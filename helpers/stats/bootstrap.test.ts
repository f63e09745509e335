import fc from 'fast-check'
import { gaussian } from '../testing/random.ts'
import { describe, expect, test } from 'vitest'
import { ratioOfMedians } from './bootstrap.ts'

const samples = fc.array(fc.double({ min: 0.1, max: 1000, noNaN: true }), { minLength: 2, maxLength: 40 })
/** Fewer than the default, to keep the tests fast. */
const RESAMPLES = 500

/** The share of 400 intervals that contain the true ratio of the medians, 1.1. */
const coverage = (n: number): number => {
  const draw = gaussian(7)
  const group = (median: number) => Array.from({ length: n }, () => median * Math.exp(0.08 * draw()))
  const covered = Array.from({ length: 400 }, () => {
    const [low, high] = ratioOfMedians(group(10), group(11), RESAMPLES).interval(0.95)
    return low <= 1.1 && 1.1 <= high
  })
  return covered.filter(Boolean).length / 400
}

describe('the ratio of medians', () => {
  test('has a reproducible interval that widens with the confidence', () => {
    fc.assert(
      fc.property(samples, samples, (before, now) => {
        const estimate = ratioOfMedians(before, now, RESAMPLES)
        expect(ratioOfMedians(before, now, RESAMPLES).interval(0.95)).toEqual(estimate.interval(0.95))
        const [low, high] = estimate.interval(0.95)
        const [lower, higher] = estimate.interval(0.999)
        expect(low).toBeLessThanOrEqual(high)
        expect(lower).toBeLessThanOrEqual(low)
        expect(higher).toBeGreaterThanOrEqual(high)
        expect(estimate.atMost(lower - 1e-9)).toBeLessThan(0.01)
        expect(estimate.atLeast(higher + 1e-9)).toBeLessThan(0.01)
      }),
      { numRuns: 50, seed: 1 },
    )
  })

  test('has an interval of zero width if the samples do not vary', () => {
    const found = ratioOfMedians([2, 2, 2], [3, 3, 3], RESAMPLES)
    expect([found.ratio, found.interval(0.99)]).toEqual([1.5, [1.5, 1.5]])
  })

  test('takes every sample into account, including the first and the last', () => {
    const [low, high] = ratioOfMedians([1, 1, 1, 1], [1, 2, 3, 4], 20_000).interval(0.9999)
    expect(low).toBeLessThan(1.6)
    expect(high).toBeGreaterThan(3.4)
  })

  test.each([10, 20, 40])('is in its 95 % interval in about 95 of 100 cases (n=%d)', (n) => {
    // With 400 cases three standard errors are 3.3 percentage points. Intervals of small groups are slightly too wide.
    expect(coverage(n)).toBeGreaterThan(0.917)
    expect(coverage(n)).toBeLessThanOrEqual(0.995)
  })
})
