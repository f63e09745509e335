import { describe, expect, test } from 'vitest'
import { gaussian } from '../testing/random.ts'
import { bandFactorOf, ratioWithInterval, judgeAlone, judgeFamily } from './change.ts'
import type { Sampled } from './sampled.ts'

const SENSITIVITY = { band: 0.05, floor: 0.1, spread: 0.02 }

interface Shape {
  /** Samples of each set-up. */
  n?: number
  /** Their standard deviation, as a share of the median. */
  spread?: number
  /** The level of each set-up, as a multiple of the median. */
  setUps?: number[]
  isDoubtful?: boolean
  seed?: number
  /** How slow the machine is for the control, by sample. Without it there is no control. */
  control?: (index: number) => number
  /** How much of that the samples follow. */
  follows?: number
}

/** Samples around a median. */
function sampled(median: number, shape: Shape = {}): Sampled {
  const { n = 30, spread = 0.03, setUps = [1], isDoubtful = false, seed = 1, control, follows = 1 } = shape
  const draw = gaussian(seed)
  const levels = Array.from({ length: n }, (_, index) => control?.(index) ?? 1)
  const times = levels.map((level) => 3 * level)
  return {
    setUps: setUps.map((setUp) => ({
      samples: levels.map((level) => median * setUp * level ** follows * Math.exp(spread * draw())),
      controls: control ? { control: { program: 'control', times } } : {},
    })),
    taken: n * setUps.length,
    disturbed: isDoubtful ? n * setUps.length : 0,
    isDoubtful,
  }
}

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
    const setUps = [1, 1.001, 0.999, 1, 1.002, 0.998]
    const comparison = { before: sampled(10, { setUps }), now: sampled(10.8, { setUps, seed: 2 }) }
    expect(judgeAlone(comparison, SENSITIVITY).state).toBe('regression')
    const dump = judgeAlone({ ...comparison, bandFactor: bandFactorOf('dump') }, SENSITIVITY)
    expect(dump.state).toBe('pass')
  })

  test('passes if it is certain, but within the noise band', () => {
    const setUps = Array.from({ length: 12 }, () => 1)
    const found = verdict(sampled(10, { setUps }), sampled(10.4, { setUps, seed: 2 }))
    expect(found).toMatchObject({ state: 'pass' })
    expect(found.reason).toBe(
      'the ratio is within the noise band of 5 %, and a slowdown of 1.2 × is excluded',
    )
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
    expect(verdict(sampled(10, { ...wide, seed: 2 }), sampled(10, wide)).state).toBe('inconclusive')
  })

  test('is inconclusive if every set-up was disturbed, unless load alone cannot explain it', () => {
    expect(verdict(sampled(10), sampled(13)).state).toBe('regression')
    expect(verdict(sampled(10), sampled(13, { isDoubtful: true }))).toMatchObject({
      state: 'inconclusive',
      reason: '30 of the 30 samples were taken while other programs or virtual machines used the processor',
    })
    expect(verdict(sampled(10, { isDoubtful: true }), sampled(13)).reason).toContain(
      "30 of the baseline's 30",
    )
    expect(verdict(sampled(10), sampled(60, { isDoubtful: true })).state).toBe('regression')
  })

  test('is described by its ratio, its interval and their confidence', () => {
    const change = { ratio: 1.1234, interval: [1.08, 1.16], confidence: 0.9917 } as const
    expect(ratioWithInterval(change)).toBe('1.12 × (99.2 % interval 1.08 to 1.16)')
  })
})

describe('the spread of set-ups', () => {
  test('makes a difference uncertain that samples alone would call certain', () => {
    // 9 % apart, with samples that hardly vary, but one set-up each: the next set-up may be 9 % off as well.
    const steady = { spread: 0.001, n: 100 }
    expect(verdict(sampled(10, steady), sampled(10.6, { ...steady, seed: 2 })).state).toBe('pass')
    const three = { ...steady, setUps: [1, 1.005, 0.995] }
    const found = verdict(sampled(10, three), sampled(10.6, { ...three, seed: 2 }))
    expect(found).toMatchObject({ state: 'regression' })
  })

  test('is taken from the set-ups, if they differ more than was known beforehand', () => {
    const wild = { setUps: [0.8, 1, 1.25] }
    expect(verdict(sampled(10, wild), sampled(11.5, { ...wild, seed: 2 })).state).toBe('inconclusive')
    const calm = { setUps: [0.99, 1, 1.01] }
    expect(verdict(sampled(10, calm), sampled(11.5, { ...calm, seed: 2 })).state).toBe('regression')
  })

  test('lets a pass of dumps with one set-up exclude only twice the slowdown', () => {
    const bandFactor = bandFactorOf('dump')
    const one = judgeAlone({ before: sampled(10), now: sampled(10.9), bandFactor }, SENSITIVITY)
    expect(one.reason).toBe('the interval includes 1, and a slowdown of 1.4 × is excluded')
    const setUps = [0.9, 1, 1.1]
    const several = { before: sampled(10, { setUps }), now: sampled(11, { setUps }), bandFactor }
    expect(judgeAlone(several, SENSITIVITY)).toMatchObject({
      state: 'inconclusive',
      reason: 'the runs differ too much to exclude a ratio of 1.2',
    })
  })
})

/** The machine becomes slower and faster during the run, by up to 20 %. */
const wave = (index: number) => 1 + 0.2 * Math.sin(index / 12)

const slowerWave = (index: number) => 1.2 * wave(index)

describe('the drift of the machine', () => {
  const run = { n: 120, spread: 0.01 }

  test('is removed from rows that follow the control', () => {
    const change = verdict(sampled(10, { ...run, control: wave }), sampled(10, { ...run, control: slowerWave, seed: 2 })) // prettier-ignore
    expect(change.state).toBe('pass')
    expect(change.slope).toBeGreaterThan(0.8)
    expect(change.raw).toBeCloseTo(1.2, 1)
    expect(change.ratio).toBeLessThan(1.05)
    expect(change.machine).toBeCloseTo(change.raw / change.ratio)
  })

  test('is not removed from rows that do not follow the control', () => {
    const free = { ...run, follows: 0 }
    const change = verdict(sampled(10, { ...free, control: wave }), sampled(13, { ...free, control: slowerWave, seed: 2 })) // prettier-ignore
    expect(change.state).toBe('regression')
    expect(change.slope).toBeLessThan(0.1)
    expect(change.ratio).toBeCloseTo(1.3, 1)
  })

  test('never makes a regression: rows that are as fast as before are inconclusive, and the reason says why', () => {
    // The control says that the machine is faster, so the same times would be slower.
    const faster = (index: number) => wave(index) / 1.35
    const change = verdict(sampled(10, { ...run, control: wave }), sampled(13.4, { ...run, control: faster, seed: 2 })) // prettier-ignore
    expect(change.ratio).toBeGreaterThan(1.2)
    expect(change.state).toBe('inconclusive')
    expect(change.reason).toMatch(
      /^the machine changed: the control took 0\.7\d × as long as in the baseline, and the samples as measured (0\.99|1\.0\d) ×$/,
    )
  })

  test('makes a row inconclusive that it may explain, if nothing shows how much the row follows the control', () => {
    const flat = { control: () => 1 }
    const drifted = { control: () => 1.25, follows: 0, seed: 2 }
    const found = verdict(sampled(10, flat), sampled(12.5, drifted))
    expect(found.state).toBe('inconclusive')
    expect(verdict(sampled(10), sampled(12.5, { seed: 2 })).state).toBe('regression')
    // No drift explains a row that is seven times slower.
    expect(verdict(sampled(10, flat), sampled(70, drifted)).state).toBe('regression')
  })

  test('is seen in the other rows of a run as well', () => {
    const flat = { control: () => 1 }
    const drifted = { control: () => 1.2, seed: 2 }
    const row = { before: sampled(10, flat), now: sampled(10, drifted) }
    expect(judgeFamily([row], SENSITIVITY)[0]?.slope).toBe(0)
    const changes = judgeFamily([row, row, row, row], SENSITIVITY)
    expect(changes.map(({ state }) => state)).toEqual(['pass', 'pass', 'pass', 'pass'])
    expect(changes[0]?.slope).toBeGreaterThan(0.8)
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
