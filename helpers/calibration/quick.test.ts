import { describe, expect, test } from 'vitest'
import type { Results } from '../../reports/results.ts'
import { resolveSettings } from '../config/settings.ts'
import { quickReport } from './quick.ts'
import { sameThingTwice } from './recorded.testing.ts'
import { slowed } from './replay.ts'

/** Four of them, because their 12 pairs are judged a hundred times. */
const RUNS = sameThingTwice.slice(0, 4)
const SETTINGS = resolveSettings({ save: 'calibration' }, {})

/** The smallest slowdowns seen, with all samples and with half of them, by size. */
const sightIn = (report: string): Record<string, [string, string]> =>
  Object.fromEntries(
    [...report.matchAll(/^\| tmpfs (\S+) mapped +\| +(.+?) \| +(.+?) \|$/gm)].map(
      ([, size = '', all = '', half = '']) => [size, [all, half]],
    ),
  )
const bandIn = (report: string): number => Number(/^band: (0\.\d+)/m.exec(report)?.[1] ?? 1)
const levelOf = (shown = ''): number => Number(/\+(\d+) %/.exec(shown)?.[1])

describe('a quick look at recorded runs of the same code', () => {
  const report = quickReport(RUNS, SETTINGS)

  test('tells for each size the smallest slowdown that 9 of 10 comparisons show', () => {
    expect(report).toContain('4 runs of the same code, 12 comparisons: 0 false alarms, ')
    const sight = sightIn(report)
    expect(Object.keys(sight)).toEqual(['1MB', '16MB', '64MB', '256MB'])
    // Single set-ups seldom show 10 %, and nearly always show 30 %.
    for (const [all] of Object.values(sight)) expect([10, 15, 20, 30]).toContain(levelOf(all))
  })

  test('proposes a band without a false alarm, and a time', () => {
    expect(report).toMatch(/^band: 0\.0\d+ \(now 0\.04; the narrowest without a false alarm/m)
    expect(report).toMatch(/^time: \d+ \(now \d+; half of the samples show (less|as much)/m)
  })

  test('finds less, and proposes a wider band, where runs differ more', () => {
    const drifting = RUNS.map((run, index): Results => slowed(run, index % 2 ? 0.4 : 0))
    const other = quickReport(drifting, SETTINGS)
    expect(other).not.toContain(' 0 false alarms')
    expect(bandIn(other)).toBeGreaterThan(bandIn(report))
    for (const [size, [all]] of Object.entries(sightIn(report)))
      expect(levelOf(sightIn(other)[size]?.[0])).toBeGreaterThan(levelOf(all))
  })
})
