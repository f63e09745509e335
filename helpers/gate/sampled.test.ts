import { describe, expect, test } from 'vitest'
import { medianOf } from '../stats/bootstrap.ts'
import { gaussian } from '../testing/random.ts'
import { ratioOf, normalizeByControl, type Sampled } from './sampled.ts'

const N = 60
/** Samples of about 10 ms with controls of about 3 ms, both multiplied by how slow the machine is at that sample. */
function sampled(machine: (index: number) => number, { program = 'control', seed = 1 } = {}): Sampled {
  const draw = gaussian(seed)
  const factors = Array.from({ length: N }, (_, index) => machine(index))
  return {
    samples: factors.map((factor) => 10 * factor * Math.exp(0.02 * draw())),
    control: { program, times: factors.map((factor) => 3 * factor * Math.exp(0.05 * draw())) },
    disturbed: 0,
  }
}

const spread = (values: readonly number[]) => Math.max(...values) / Math.min(...values)

const steady = sampled(() => 1)
const drifting = sampled((index) => 1 + index / N, { seed: 2 })

describe('the ratio of two runs', () => {
  test('is corrected for the drift of the machine', () => {
    const { ratio, machine, interval } = ratioOf(steady, drifting)
    expect(ratio).toBeCloseTo(1, 1)
    expect(machine).toBeCloseTo(1.5, 1)
    const [low, high] = interval(0.95)
    expect(high / low).toBeLessThan(1.1)
  })

  test('is not corrected if one run has no control, or another control', () => {
    const { control: _, ...uncontrolled } = drifting
    for (const other of [
      uncontrolled,
      { ...drifting, control: { program: 'another', times: steady.samples } },
    ]) {
      const found = ratioOf(steady, other)
      expect(found.ratio).toBeCloseTo(1.5, 1)
      expect(found).not.toHaveProperty('machine')
    }
  })
})

test('normalizeByControl removes the drift of the machine from the samples', () => {
  expect(spread(drifting.samples)).toBeGreaterThan(1.8)
  expect(spread(normalizeByControl(drifting))).toBeLessThan(1.3)
  expect(medianOf(normalizeByControl(drifting))).toBeCloseTo(15, 0)
  const { control: _, ...uncontrolled } = drifting
  expect(normalizeByControl(uncontrolled)).toEqual(uncontrolled.samples)
})
