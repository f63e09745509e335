import fc from 'fast-check'
import { gaussian } from '../testing/random.ts'
import { describe, expect, test } from 'vitest'
import { ratioOfMedians } from './bootstrap.ts'

const samples = fc.array(fc.double({ min: 0.1, max: 1000, noNaN: true }), { minLength: 2, maxLength: 40 })
/** Enough for what is tested, and quick. */
const FEW = 500

/** Of 400 pairs of groups whose medians are truly 1.1 apart, how many intervals have that ratio in them? */
const coverage = (n: number): number => {
  const draw = gaussian(7)
  const group = (median: number) => Array.from({ length: n }, () => median * Math.exp(0.08 * draw()))
  const covered = Array.from({ length: 400 }, () => {
    const [low, high] = ratioOfMedians(group(10), group(11), FEW).interval(0.95)
    return low <= 1.1 && 1.1 <= high
  })
  return covered.filter(Boolean).length / 400
}

describe('the ratio of medians', () => {
  test('is that of the medians, the same each time, in its interval, which grows with the confidence', () => {
    fc.assert(
      fc.property(samples, samples, (before, now) => {
        const one = ratioOfMedians(before, now, FEW)
        expect(ratioOfMedians(before, now, FEW).interval(0.95)).toEqual(one.interval(0.95))
        const [low, high] = one.interval(0.95)
        const [lower, higher] = one.interval(0.999)
        expect(low).toBeLessThanOrEqual(high)
        expect(lower).toBeLessThanOrEqual(low)
        expect(higher).toBeGreaterThanOrEqual(high)
        expect(one.atMost(lower - 1e-9)).toBeLessThan(0.01)
        expect(one.atLeast(higher + 1e-9)).toBeLessThan(0.01)
      }),
      { numRuns: 50, seed: 1 },
    )
  })

  test('has no spread where the samples have none', () => {
    const found = ratioOfMedians([2, 2, 2], [3, 3, 3], FEW)
    expect([found.ratio, found.interval(0.99)]).toEqual([1.5, [1.5, 1.5]])
  })

  test('takes every sample into account, first and last as well', () => {
    const [low, high] = ratioOfMedians([1, 1, 1, 1], [1, 2, 3, 4], 20_000).interval(0.9999)
    expect(low).toBeLessThan(1.6)
    expect(high).toBeGreaterThan(3.4)
  })

  test.each([10, 20, 40])('is in its 95-percent interval in about 95 of 100 cases: n=%d', (n) => {
    // 400 cases: three standard errors are 3.3 points; small groups of a median err on the side of caution.
    expect(coverage(n)).toBeGreaterThan(0.917)
    expect(coverage(n)).toBeLessThanOrEqual(0.995)
  })
})
