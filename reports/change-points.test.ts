import fc from 'fast-check'
import { expect, test } from 'vitest'
import { changePoints } from './change-points.ts'

/**
 * A level with uniform noise of at most `share`. The noise is drawn as integers, because fast-check does not draw
 * doubles uniformly.
 */
const around = (level: number, length: number, share = 0.02) =>
  fc
    .array(fc.noBias(fc.integer({ min: -1000, max: 1000 })), { minLength: length, maxLength: length })
    .map((noise) => noise.map((each) => level * (1 + (share * each) / 1000)))

const changedAt = (durations: number[]) => changePoints(durations).map(({ index }) => index)

/** A fixed seed: every test run draws the same series. */
const fixed = { seed: 20260101, numRuns: 300 }

test('finds one change of level at its first run, with the ratio of the levels', () => {
  const [change, ...more] = changePoints([10, 10.1, 9.9, 10, 10.2, 15, 15.1, 14.9])
  expect(more).toEqual([])
  expect(change?.index).toBe(5)
  expect(change?.ratio).toBeCloseTo(1.5, 2)
})

test('finds two changes, each with its ratio to the level before', () => {
  const found = changePoints([4, 4, 4.02, 4.01, 8, 8.02, 8.01, 8, 2, 2, 2.01, 2])
  expect(found.map(({ index, ratio }) => [index, Number(ratio.toFixed(2))])).toEqual([[4, 2], [8, 0.25]]) // prettier-ignore
})

test.each([[[]], [[3]], [[3, 9]], [[3, 9, 3]]])(
  'finds no change in a series that is too short: %j',
  (durations) => {
    expect(changePoints(durations)).toEqual([])
  },
)

test('treats one odd run as an outlier', () => {
  const level = [10, 10.3, 9.8, 10.1, 9.9, 10.2, 10]
  for (const index of level.keys()) expect(changePoints(level.toSpliced(index, 0, 30))).toEqual([])
  expect(changePoints([...level, 30])).toEqual([])
})

test('finds the exact run of a 20 % slowdown in noise of 2 %', () => {
  const series = fc.tuple(around(10, 12), around(12, 8))
  fc.assert(
    fc.property(series, (levels) => {
      expect(changedAt(levels.flat())).toContain(12)
    }),
    fixed,
  )
})

test('raises a false alarm in at most 5 % of series of 20 unchanged runs', () => {
  const series = fc.sample(around(10, 20, 0.1), fixed)
  const alarms = series.filter((durations) => changePoints(durations).length > 0).length
  expect(alarms / series.length).toBeLessThanOrEqual(0.05)
})

test('finds the same changes in any unit', () => {
  const series = fc.tuple(around(10, 6), around(14, 6)).map((levels) => levels.flat())
  fc.assert(
    fc.property(series, fc.constantFrom(0.001, 1000), (durations, factor) => {
      expect(changedAt(durations.map((each) => each * factor))).toEqual(changedAt(durations))
    }),
    fixed,
  )
})
