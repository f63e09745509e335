import { describe, expect, test } from 'vitest'
import { resolveSettings } from '../config/settings.ts'
import { sameThingTwice } from './recorded.testing.ts'
import { halves, orderedPairs, replay, slowed, type Pair, type Replay } from './replay.ts'
import { replayReport } from './replay-report.ts'

/** The gate's defaults: what it says out of the box. */
const SENSITIVITY = resolveSettings({}, {})

const slower = (pairs: readonly Pair[], level: number): Pair[] =>
  pairs.map(([before, now]) => [before, slowed(now, level)])

/** How many rows of cold starts got a verdict. */
const coldStarts = ({ rows }: Replay, state: 'pass' | 'regression'): number =>
  [...rows]
    .filter(([title]) => title.startsWith('cold start'))
    .reduce((sum, [, { verdicts }]) => sum + verdicts[state], 0)

describe('six recorded runs of the same code', () => {
  const pairs = orderedPairs(sameThingTwice)
  const asSetUps = halves(sameThingTwice)

  test('hardly ever differ: at most one regression and six inconclusive in 30 ordered pairs', () => {
    expect(pairs).toHaveLength(30)
    const each = pairs.map((pair) => ({ pair, ...replay([pair], SENSITIVITY).outcomes }))
    const count = (state: 'regression' | 'inconclusive', among = each) =>
      among.reduce((sum, outcome) => sum + outcome[state], 0)
    expect(count('regression')).toBeLessThanOrEqual(1)
    expect(count('inconclusive')).toBeLessThanOrEqual(6)
    // Whichever run is left out: no single run makes the rule look good.
    for (const left of sameThingTwice) {
      const others = each.filter(({ pair }) => !pair.includes(left))
      expect(count('regression', others)).toBe(0)
      expect(count('inconclusive', others)).toBeLessThanOrEqual(4)
    }
  })

  test.each([0.02, 0.03])('hardly ever differ if the spread known beforehand is %d', (spread) => {
    const { outcomes } = replay(pairs, { ...SENSITIVITY, spread })
    expect(outcomes.regression).toBeLessThanOrEqual(1)
    expect(outcomes.inconclusive).toBeLessThanOrEqual(6)
  })

  test('with one set-up each show a cold start that is 20 % slower, and hardly ever pass it', () => {
    const found = replay(slower(pairs, 0.2), SENSITIVITY)
    expect(coldStarts(found, 'regression')).toBeGreaterThan(0.85 * 120)
    expect(coldStarts(found, 'pass')).toBeLessThan(0.03 * 120)
    // Of the whole run, every one fails.
    expect(found.outcomes.regression).toBe(30)
  })

  test('with three set-ups each never differ, and show 20 % in every row, and 10 % in most', () => {
    expect(asSetUps).toHaveLength(20)
    expect(replay(asSetUps, SENSITIVITY).outcomes).toEqual({ pass: 20, regression: 0, inconclusive: 0 })
    expect(coldStarts(replay(slower(asSetUps, 0.2), SENSITIVITY), 'regression')).toBe(80)
    const tenth = replay(slower(asSetUps, 0.1), SENSITIVITY)
    expect(coldStarts(tenth, 'regression')).toBeGreaterThan(0.75 * 80)
    expect(tenth.outcomes).toEqual({ pass: 0, regression: 20, inconclusive: 0 })
  })
})

test('the report of a replay counts the verdicts, by run and by row', () => {
  const report = replayReport(sameThingTwice.slice(0, 2), SENSITIVITY)
  expect(report).toContain('## 2 runs, compared one by one')
  expect(report).toContain('2 comparisons of the same code: 2 pass, 0 inconclusive, 0 with a regression.')
  expect(report).toMatch(/^\| cold start tmpfs 1MB mapped +\| +2 \| +0 \| +0 \| +0 \|/m)
  expect(report).not.toContain('as set-ups')
})
