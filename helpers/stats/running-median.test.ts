import { expect, test } from 'vitest'
import { runningMedian } from './running-median.ts'

test('is of each value and its neighbours, of which there are fewer at the ends', () => {
  expect(runningMedian([1, 9, 2, 3, 100, 4], 1)).toEqual([5, 2, 3, 3, 4, 52])
  expect(runningMedian([1, 9, 2], 5)).toEqual([2, 2, 2])
  expect(runningMedian([3, 1], 0)).toEqual([3, 1])
  expect(runningMedian([], 2)).toEqual([])
})
