import { describe, expect, test } from 'vitest'
import { gaussian } from '../testing/random.ts'
import { bandsOf, figuresOf, judgeAlone, judgeFamily } from './change.ts'
import type { Sampled } from './sampled.ts'

const SENSITIVITY = { band: 0.05, floor: 0.1 }

/** Samples around a median, spread by so much of it. */
function sampled(median: number, { n = 30, spread = 0.03, disturbed = 0, seed = 1 } = {}): Sampled {
  const draw = gaussian(seed)
  return { samples: Array.from({ length: n }, () => median * Math.exp(spread * draw())), disturbed }
}

/** With a control that takes so many times 3 ms. */
const withControl = (of: Sampled, factor: number): Sampled => ({
  ...of,
  control: { program: 'control', times: of.samples.map(() => 3 * factor) },
})

const verdict = (before: Sampled, now: Sampled) => judgeAlone({ before, now }, SENSITIVITY)

describe('a change against a baseline', () => {
  test('is a regression, or an improvement, where the whole interval is beyond the noise band', () => {
    expect(verdict(sampled(10), sampled(12, { seed: 2 }))).toMatchObject({ state: 'regression' })
    expect(verdict(sampled(12), sampled(10, { seed: 2 }))).toMatchObject({ state: 'improvement' })
  })

  test('is none within the band', () => {
    expect(verdict(sampled(10), sampled(10.2, { seed: 2 }))).toMatchObject({ state: 'pass' })
  })

  test('is none within a band that is as wide as its own noise', () => {
    const pair = { before: sampled(10), now: sampled(10.9, { seed: 2 }) }
    expect(judgeAlone(pair, SENSITIVITY).state).toBe('regression')
    const dump = judgeAlone({ ...pair, bands: bandsOf('dump') }, SENSITIVITY)
    expect(dump).toMatchObject({ state: 'pass', reason: 'not wholly beyond the noise band of 10 %' })
  })

  test('is none below the floor', () => {
    const change = verdict(sampled(0.2), sampled(0.26, { seed: 2 }))
    expect(change.state).toBe('pass')
    expect(change.reason).toContain('below the floor of 0.1 ms')
  })

  test('cannot be told from too few samples, or from ones that spread too much', () => {
    expect(verdict(sampled(10, { n: 9 }), sampled(20))).toMatchObject({
      state: 'inconclusive',
      reason: 'only 9 samples on one side, 10 are needed',
    })
    const wide = { spread: 0.5 }
    expect(verdict(sampled(10, wide), sampled(10, { ...wide, seed: 2 })).state).toBe('inconclusive')
  })

  test('cannot be told where more than a third of the samples were disturbed, unless load alone cannot explain it', () => {
    expect(verdict(sampled(10), sampled(13, { disturbed: 10 })).state).toBe('regression')
    expect(verdict(sampled(10), sampled(13, { disturbed: 11 }))).toMatchObject({
      state: 'inconclusive',
      reason: '11 of the 30 samples were taken while the machine was busy or stolen from',
    })
    expect(verdict(sampled(10, { disturbed: 30 }), sampled(13)).reason).toContain("30 of the baseline's 30")
    expect(verdict(sampled(10), sampled(60, { disturbed: 30 })).state).toBe('regression')
  })

  test('is judged without what the machine itself has changed', () => {
    const slowed = withControl(sampled(12, { seed: 2 }), 1.2)
    expect(verdict(withControl(sampled(10), 1), slowed).state).toBe('pass')
    // A machine that has become faster hides nothing.
    const hidden = withControl(sampled(10, { seed: 2 }), 1 / 1.2)
    expect(verdict(withControl(sampled(10), 1), hidden).state).toBe('regression')
  })

  test('cannot be told where the machine has changed too much, unless that alone cannot explain it', () => {
    const before = withControl(sampled(10), 1)
    expect(verdict(before, withControl(sampled(14, { seed: 2 }), 1.4))).toMatchObject({
      state: 'inconclusive',
      reason: 'the machine itself takes 1.40 × as long as then, more than can be taken out',
    })
    expect(verdict(before, withControl(sampled(70, { seed: 2 }), 1.4)).state).toBe('regression')
  })

  test('says its figures', () => {
    const change = { ratio: 1.1234, interval: [1.08, 1.16], confidence: 0.9917 } as const
    expect(figuresOf(change)).toBe('1.12 × (99.2 % interval 1.08 to 1.16)')
  })
})

describe('changes judged together', () => {
  test('are judged at wider intervals than one alone', () => {
    const same = { before: sampled(10), now: sampled(10, { seed: 2 }) }
    const slower = { before: sampled(10), now: sampled(12, { seed: 3 }) }
    const changes = judgeFamily([same, slower, same, same], SENSITIVITY)
    expect(changes.map(({ state }) => state)).toEqual(['pass', 'regression', 'pass', 'pass'])
    expect(changes[1]?.confidence).toBeCloseTo(1 - 0.05 / 4)
  })
})
