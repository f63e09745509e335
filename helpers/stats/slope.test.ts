import { describe, expect, test } from 'vitest'
import { gaussian } from '../testing/random.ts'
import { shrunk, slopeThroughOrigin, slopeWithin } from './slope.ts'

const draw = gaussian(5)
const series = (slope: number, level: number, noise = 0.1) => {
  const x = Array.from({ length: 60 }, () => draw())
  return { x, y: x.map((value) => level + slope * value + noise * draw()) }
}

describe('a slope', () => {
  test('is estimated within series, whatever their levels', () => {
    const found = slopeWithin([series(0.7, 0), series(0.7, 100)], 1)
    expect(found?.slope).toBeCloseTo(0.7, 1)
    expect(found?.error).toBeLessThan(0.02)
  })

  test('is less certain if neighbouring values are not independent', () => {
    const one = series(0.7, 0)
    const dependent = slopeWithin([one], 15)?.error ?? 0
    expect(dependent).toBeGreaterThan(3 * (slopeWithin([one], 1)?.error ?? 0))
  })

  test('through the origin takes the levels into account', () => {
    expect(slopeThroughOrigin({ x: [1, 2, 3], y: [2, 4, 6] })).toEqual({ slope: 2, error: 0 })
    expect(slopeThroughOrigin({ x: [1, 2, 3], y: [9, 8, 7] })?.error).toBeGreaterThan(1)
  })

  test('is unknown if there is nothing to estimate it from', () => {
    expect(slopeWithin([{ x: [1, 1, 1], y: [1, 2, 3] }], 1)).toBeUndefined()
    expect(slopeWithin([], 1)).toBeUndefined()
    expect(slopeThroughOrigin({ x: [1, 2], y: [1, 2] })).toBeUndefined()
  })
})

test('shrunk slopes are 0 without evidence, and the estimate with strong evidence', () => {
  expect(shrunk([], 1)).toEqual({ slope: 0, error: 1 })
  expect(shrunk([{ slope: 0.8, error: 1 }], 1).slope).toBeCloseTo(0.4)
  expect(shrunk([{ slope: 0.8, error: 0.01 }], 1).slope).toBeCloseTo(0.8, 3)
  expect(shrunk([{ slope: 1, error: 0.5 }, { slope: 0, error: 0.5 }], 100).slope).toBeCloseTo(0.5, 3) // prettier-ignore
})
