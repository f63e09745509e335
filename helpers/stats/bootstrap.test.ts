import fc from 'fast-check'
import { gaussian } from '../testing/random.ts'
import { describe, expect, test } from 'vitest'
import { intervalOfMedian, medianOf, varianceOfMedian } from './bootstrap.ts'

const draw = gaussian(7)
const samples = (n: number) => Array.from({ length: n }, () => 10 + draw())

describe('the variance of a median', () => {
  test('is reproducible, and 0 if the samples do not vary', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0.1, max: 1000, noNaN: true }), { minLength: 1, maxLength: 40 }), (group) => {
        expect(varianceOfMedian(group)).toBe(varianceOfMedian(group))
        expect(varianceOfMedian(group.map(() => 2))).toBe(0)
      }),
      { numRuns: 30, seed: 1 },
    ) // prettier-ignore
  })

  test.each([11, 30, 101])('is how much medians of other samples differ (n=%d)', (n) => {
    const medians = Array.from({ length: 300 }, () => medianOf(samples(n)))
    const observed = medians.reduce((sum, median) => sum + (median - 10) ** 2, 0) / 300
    const estimates = Array.from({ length: 100 }, () => varianceOfMedian(samples(n)))
    const ratio = medianOf(estimates) / observed
    expect(ratio).toBeGreaterThan(0.7)
    expect(ratio).toBeLessThan(1.4)
  })

  test('takes every sample into account, including the first and the last', () => {
    expect(varianceOfMedian([1, 2])).toBeGreaterThan(0.05)
  })
})

describe('the interval of a median', () => {
  test('has the true median in about 95 % of sets of samples', () => {
    const hits = Array.from({ length: 400 }, () => intervalOfMedian(samples(15))).filter(
      (interval) => interval && interval[0] <= 10 && 10 <= interval[1],
    )
    expect(hits.length / 400).toBeGreaterThan(0.9)
    expect(hits.length / 400).toBeLessThan(0.99)
  })

  test('is the same for the same samples, and none for fewer than 5', () => {
    const given = [5, 1, 4, 2, 3]
    expect(intervalOfMedian(given)).toEqual(intervalOfMedian(given))
    expect(intervalOfMedian(given)?.[0]).toBeLessThan(3)
    expect(intervalOfMedian(given.slice(1))).toBeUndefined()
  })
})
