import { describe, expect, test } from 'vitest'
import { gaussian } from '../testing/random.ts'
import { bandFactorOf, figuresOf, judgeAlone, judgeFamily } from './change.ts'
import type { Sampled } from './sampled.ts'

const SENSITIVITY = { band: 0.05, floor: 0.1 }

/** Samples around a median; `spread` is their standard deviation as a share of it. */
function sampled(median: number, { n = 30, spread = 0.03, disturbed = 0, seed = 1 } = {}): Sampled {
  const draw = gaussian(seed)
  return { samples: Array.from({ length: n }, () => median * Math.exp(spread * draw())), disturbed }
}

/** Adds a control that always takes `factor` times 3 ms. */
const withControl = (of: Sampled, factor: number): Sampled => ({
  ...of,
  control: { program: 'control', times: of.samples.map(() => 3 * factor) },
})

const verdict = (before: Sampled, now: Sampled) => judgeAlone({ before, now }, SENSITIVITY)

describe('a change against a baseline', () => {
  test('is a regression or an improvement if the whole interval is beyond the noise band', () => {
    expect(verdict(sampled(10), sampled(12, { seed: 2 }))).toMatchObject({ state: 'regression' })
    expect(verdict(sampled(12), sampled(10, { seed: 2 }))).toMatchObject({ state: 'improvement' })
  })

  test('passes within the noise band', () => {
    expect(verdict(sampled(10), sampled(10.2, { seed: 2 }))).toMatchObject({ state: 'pass' })
  })

  test('passes within the wider noise band of a dump', () => {
    const comparison = { before: sampled(10), now: sampled(10.9, { seed: 2 }) }
    expect(judgeAlone(comparison, SENSITIVITY).state).toBe('regression')
    const dump = judgeAlone({ ...comparison, bandFactor: bandFactorOf('dump') }, SENSITIVITY)
    expect(dump).toMatchObject({
      state: 'pass',
      reason: 'the interval is not wholly beyond the noise band of 10 %',
    })
  })

  test('passes below the floor', () => {
    const change = verdict(sampled(0.2), sampled(0.26, { seed: 2 }))
    expect(change.state).toBe('pass')
    expect(change.reason).toContain('below the floor of 0.1 ms')
  })

  test('is inconclusive with too few samples, or with samples that spread too much', () => {
    expect(verdict(sampled(10, { n: 9 }), sampled(20))).toMatchObject({
      state: 'inconclusive',
      reason: 'only 9 samples on one side; at least 10 are needed',
    })
    const wide = { spread: 0.5 }
    expect(verdict(sampled(10, wide), sampled(10, { ...wide, seed: 2 })).state).toBe('inconclusive')
  })

  test('is inconclusive if over a third of the samples were disturbed, unless load alone cannot explain it', () => {
    expect(verdict(sampled(10), sampled(13, { disturbed: 10 })).state).toBe('regression')
    expect(verdict(sampled(10), sampled(13, { disturbed: 11 }))).toMatchObject({
      state: 'inconclusive',
      reason: '11 of the 30 samples were taken while other programs or virtual machines used the processor',
    })
    expect(verdict(sampled(10, { disturbed: 30 }), sampled(13)).reason).toContain("30 of the baseline's 30")
    expect(verdict(sampled(10), sampled(60, { disturbed: 30 })).state).toBe('regression')
  })

  test('is corrected for the drift of the machine', () => {
    const slowed = withControl(sampled(12, { seed: 2 }), 1.2)
    expect(verdict(withControl(sampled(10), 1), slowed).state).toBe('pass')
    // A machine that has become faster does not hide a regression.
    const hidden = withControl(sampled(10, { seed: 2 }), 1 / 1.2)
    expect(verdict(withControl(sampled(10), 1), hidden).state).toBe('regression')
  })

  test('is inconclusive if the machine has drifted too far, unless drift alone cannot explain it', () => {
    const before = withControl(sampled(10), 1)
    expect(verdict(before, withControl(sampled(14, { seed: 2 }), 1.4))).toMatchObject({
      state: 'inconclusive',
      reason: 'the control took 1.40 × as long as in the baseline, too large a drift to correct for',
    })
    expect(verdict(before, withControl(sampled(70, { seed: 2 }), 1.4)).state).toBe('regression')
  })

  test('is described by its ratio, its interval and their confidence', () => {
    const change = { ratio: 1.1234, interval: [1.08, 1.16], confidence: 0.9917 } as const
    expect(figuresOf(change)).toBe('1.12 × (99.2 % interval 1.08 to 1.16)')
  })
})

describe('changes judged together', () => {
  test('are judged by wider intervals than a single change', () => {
    const same = { before: sampled(10), now: sampled(10, { seed: 2 }) }
    const slower = { before: sampled(10), now: sampled(12, { seed: 3 }) }
    const changes = judgeFamily([same, slower, same, same], SENSITIVITY)
    expect(changes.map(({ state }) => state)).toEqual(['pass', 'regression', 'pass', 'pass'])
    expect(changes[1]?.confidence).toBeCloseTo(1 - 0.05 / 4)
  })
})
