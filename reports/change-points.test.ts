import fc from 'fast-check'
import { expect, test } from 'vitest'
import { changePoints } from './change-points.ts'

/** A level with noise, each value within that share of it, evenly: whole numbers, as doubles would not be even. */
const around = (level: number, length: number, share = 0.02) =>
  fc
    .array(fc.noBias(fc.integer({ min: -1000, max: 1000 })), { minLength: length, maxLength: length })
    .map((noise) => noise.map((each) => level * (1 + (share * each) / 1000)))

const places = (durations: number[]) => changePoints(durations).map(({ index }) => index)

/** Random, but the same in every run of the tests. */
const fixed = { seed: 20260101, numRuns: 300 }

test('one level that became another is found where it changed, with the ratio of the two', () => {
  const [change, ...more] = changePoints([10, 10.1, 9.9, 10, 10.2, 15, 15.1, 14.9])
  expect(more).toEqual([])
  expect(change?.index).toBe(5)
  expect(change?.ratio).toBeCloseTo(1.5, 2)
})

test('two changes are found, each against the level before it', () => {
  const found = changePoints([4, 4, 4.02, 4.01, 8, 8.02, 8.01, 8, 2, 2, 2.01, 2])
  expect(found.map(({ index, ratio }) => [index, Number(ratio.toFixed(2))])).toEqual([[4, 2], [8, 0.25]]) // prettier-ignore
})

test.each([[[]], [[3]], [[3, 9]], [[3, 9, 3]]])('too few runs have no levels: %j', (durations) => {
  expect(changePoints(durations)).toEqual([])
})

test('one odd run is an outlier and no change', () => {
  const level = [10, 10.3, 9.8, 10.1, 9.9, 10.2, 10]
  for (const place of level.keys()) expect(changePoints(level.toSpliced(place, 0, 30))).toEqual([])
  expect(changePoints([...level, 30])).toEqual([])
})

test('a slow-down of a fifth is found to the run, whatever the noise', () => {
  const series = fc.tuple(around(10, 12), around(12, 8))
  fc.assert(
    fc.property(series, (levels) => {
      expect(places(levels.flat())).toContain(12)
    }),
    fixed,
  )
})

test('in twenty runs of one level it cries wolf at most once in twenty', () => {
  const series = fc.sample(around(10, 20, 0.1), fixed)
  const alarms = series.filter((durations) => changePoints(durations).length > 0).length
  expect(alarms / series.length).toBeLessThanOrEqual(0.05)
})

test('neither the unit nor the order of magnitude matters', () => {
  const series = fc.tuple(around(10, 6), around(14, 6)).map((levels) => levels.flat())
  fc.assert(
    fc.property(series, fc.constantFrom(0.001, 1000), (durations, factor) => {
      expect(places(durations.map((each) => each * factor))).toEqual(places(durations))
    }),
    fixed,
  )
})
