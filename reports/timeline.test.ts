import { expect, test } from 'vitest'
import { areInOrder, durationOf, type TimePoints } from './timeline.ts'

const MS = 1_000_000n
const points: TimePoints = {
  spawned: 1000n * MS,
  containerStarted: 1001n * MS,
  restoreStarted: 1002n * MS,
  handlerStarted: 1006n * MS,
  handlerEnded: 1008n * MS,
  containerGone: 1009n * MS,
}

test('derives phases from points; the parts add up to the cold start', () => {
  const phases = ['lean container', 'restore', 'execution', 'cold start'] as const
  expect(phases.map((phase) => durationOf(points, phase))).toEqual([1, 4, 2, 7])
  expect(durationOf(points, 'first response')).toBe(6)
})

test('derives the same durations from decimal strings, which results.json has', () => {
  const stored = Object.fromEntries(Object.entries(points).map(([name, point]) => [name, String(point)]))
  expect(durationOf({ ...points, ...stored }, 'restore')).toBe(4)
})

test('a run without a point lacks the phases that need it', () => {
  const { handlerStarted: _, ...observed } = points
  expect(durationOf(observed, 'restore')).toBeUndefined()
  expect(durationOf(observed, 'cold start')).toBe(7)
  expect(durationOf(points, 'dump')).toBeUndefined()
  expect(durationOf(points, 'teardown')).toBeUndefined()
})

test('a drain that ended before the handler started takes 0 ms', () => {
  expect(durationOf({ ...points, drained: 1010n * MS }, 'drain')).toBe(4)
  expect(durationOf({ ...points, drained: 1005n * MS }, 'drain')).toBe(0)
  expect(durationOf(points, 'drain')).toBeUndefined()
})

test('a warm call is the second call of a start from scratch', () => {
  expect(durationOf({ ...points, calledAgain: 1008n * MS, answeredAgain: 1011n * MS }, 'warm call')).toBe(3)
  expect(durationOf(points, 'warm call')).toBeUndefined()
})

test('points are out of order if the clock was set', () => {
  expect(areInOrder(points)).toBe(true)
  expect(areInOrder({ ...points, handlerEnded: 1005n * MS })).toBe(false)
})
