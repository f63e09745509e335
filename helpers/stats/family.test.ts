import fc from 'fast-check'
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { describe, expect, test } from 'vitest'
import { holmLevels } from './family.ts'
import { wilson } from './proportion.ts'

const rejected = (pValues: readonly number[], levels: readonly number[]): boolean[] =>
  pValues.map((p, index) => p < (levels[index] ?? 0))

describe("Holm's levels", () => {
  test("match the textbook's example", () => {
    const pValues = [0.01, 0.04, 0.03, 0.005]
    const levels = holmLevels(pValues, 0.05)
    expect(levels.map((level) => level.toFixed(4))).toEqual(['0.0167', '0.0250', '0.0250', '0.0125'])
    expect(rejected(pValues, levels)).toEqual([true, false, false, true])
  })

  test('reject at least as much as Bonferroni, and never exceed the level of the family', () => {
    const family = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(family, (pValues) => {
        const levels = holmLevels(pValues, 0.05)
        const byBonferroni = pValues.filter((p) => p < 0.05 / pValues.length)
        expect(rejected(pValues, levels).filter(Boolean).length).toBeGreaterThanOrEqual(byBonferroni.length)
        expect(Math.max(...levels)).toBeLessThanOrEqual(0.05)
      }),
      { seed: 1 },
    )
  })

  test('keep false rejections in a family of twelve as rare as in a single test', () => {
    const random = xoroshiro128plus(3)
    const families = Array.from({ length: 2000 }, () =>
      Array.from({ length: 12 }, () => uniformFloat64(random)),
    )
    const wrong = families.filter((pValues) => rejected(pValues, holmLevels(pValues, 0.05)).includes(true))
    expect(wrong.length / 2000).toBeLessThan(0.065)
    // Without the procedure, twelve tests at 5 % each reject something in 46 of 100 families.
    expect(families.filter((pValues) => pValues.some((p) => p < 0.05)).length / 2000).toBeGreaterThan(0.4)
  })
})

describe("Wilson's interval", () => {
  test.each([
    [0, 20, 0, 0.161],
    [1, 20, 0.009, 0.236],
    [18, 20, 0.699, 0.972],
    [20, 20, 0.839, 1],
  ])('for %d of %d is %f to %f', (count, n, low, high) => {
    const [from, to] = wilson(count, n)
    expect(from).toBeCloseTo(low, 3)
    expect(to).toBeCloseTo(high, 3)
  })
})
