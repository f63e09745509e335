import { expect, test } from 'vitest'
import { runningMedian } from './running-median.ts'

test('runningMedian takes the median of each value and its neighbours, of which the ends have fewer', () => {
  expect(runningMedian([1, 9, 2, 3, 100, 4], 1)).toEqual([5, 2, 3, 3, 4, 52])
  expect(runningMedian([1, 9, 2], 5)).toEqual([2, 2, 2])
  expect(runningMedian([3, 1], 0)).toEqual([3, 1])
  expect(runningMedian([], 2)).toEqual([])
})
