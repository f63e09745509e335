import { expect, test } from 'vitest'
import { gaussian } from '../testing/random.ts'
import { simulate } from './simulate.ts'

const draw = gaussian(1)
const recorded = Array.from({ length: 200 }, () => 10 * Math.exp(0.03 * draw()))
const SENSITIVITY = { band: 0.05, floor: 0.1 }
const simulated = (level: number) => simulate(recorded, { iterations: 30, level, trials: 50 }, SENSITIVITY)

test('simulate finds samples that were slowed down, and nothing in unchanged ones', () => {
  expect(simulated(0)).toEqual({ pass: 50, regression: 0, improvement: 0, inconclusive: 0 })
  expect(simulated(0.5)).toEqual({ pass: 0, regression: 50, improvement: 0, inconclusive: 0 })
  const { regression } = simulated(0.07)
  expect(regression).toBeGreaterThan(0)
  expect(regression).toBeLessThan(50)
  expect(simulated(0.07).regression).toBe(regression)
})
