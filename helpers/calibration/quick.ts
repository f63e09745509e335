import { markdownTable } from 'markdown-table'
import type { Results, SuiteResults } from '../../reports/results.ts'
import type { Settings } from '../config/options.ts'
import type { Sensitivity } from '../gate/change.ts'
import { orderedPairs, replay, slowed, type Pair } from './replay.ts'
import { percent } from './replay-report.ts'

/** Slowdowns that are tried, as shares of the cold start. */
const LEVELS: readonly number[] = [0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 1]
/** The gate sees a slowdown that it finds in at least this share of comparisons. */
const SEEN = 0.9
/** Noise bands that are tried. */
const BANDS: readonly number[] = [0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3]

/** What the gate sees with some settings, on the machine of the recorded runs. */
interface Sight {
  readonly comparisons: number
  /** Comparisons of the same code that were judged a regression. */
  readonly falseAlarms: number
  readonly inconclusive: number
  /** By suite: the smallest slowdown of its cold start that the gate sees; infinite if it sees none of them. */
  readonly smallest: ReadonlyMap<string, number>
}

/** Compares each ordered pair of runs of the same code, unchanged and with one suite at a time made slower. */
function sightOf(runs: readonly Results[], sensitivity: Sensitivity): Sight {
  const pairs = orderedPairs(runs)
  const { outcomes } = replay(pairs, sensitivity)
  const titles = runs[0]?.suites.map(({ title }) => title) ?? []
  const sees = (title: string, level: number): boolean => {
    const slower = pairs.map(([before, now]): Pair => [before, slowed(now, level, title)])
    const { regression = 0 } = replay(slower, sensitivity).rows.get(`cold start ${title}`)?.verdicts ?? {}
    return regression >= SEEN * pairs.length
  }
  return {
    comparisons: pairs.length,
    falseAlarms: outcomes.regression,
    inconclusive: outcomes.inconclusive,
    smallest: new Map(titles.map((title) => [title, smallestSeen((level) => sees(title, level))])),
  }
}

/** By halving, because what shows 5 % shows 10 %. Infinite if no level is seen. */
function smallestSeen(sees: (level: number) => boolean): number {
  let [low, high] = [0, LEVELS.length]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (sees(LEVELS[middle] ?? Infinity)) high = middle
    else low = middle + 1
  }
  return LEVELS[low] ?? Infinity
}

/** What the gate sees on this machine, and which `band` and `time` suit it, as Markdown. */
export function quickReport(runs: readonly Results[], settings: Settings): string {
  const all = sightOf(runs, settings)
  const half = sightOf(runs.map(firstHalf), settings)
  const header = ['cold start', 'smallest slowdown seen', 'with half of the samples']
  const rows = [...all.smallest].map(([title, level]) => [
    title,
    shown(level),
    shown(half.smallest.get(title)),
  ])
  return [
    `${runs.length} runs of the same code, ${all.comparisons} comparisons: ${all.falseAlarms} false alarms, ${all.inconclusive} inconclusive. The gate sees a slowdown that it finds in 9 of 10 of them.`,
    markdownTable([header, ...rows], { align: ['l', 'r', 'r'] }),
    [proposedBand(runs, settings), proposedTime(settings, all, half)].join('\n'),
  ].join('\n\n')
}

const shown = (level = Infinity): string =>
  Number.isFinite(level) ? `+${percent(level)}` : `more than +${percent(LEVELS.at(-1) ?? 1)}`

/** The narrowest band without a false alarm: what it calls noise is what this machine does by itself. */
function proposedBand(runs: readonly Results[], settings: Settings): string {
  const pairs = orderedPairs(runs)
  const isQuiet = (band: number) => replay(pairs, { ...settings, band }).outcomes.regression === 0
  const band = BANDS.find(isQuiet)
  if (band === undefined)
    return `band: no band up to ${percent(BANDS.at(-1) ?? 1)} is free of false alarms here: use a quieter machine`
  return `band: ${band} (now ${settings.band}; the narrowest without a false alarm in these runs)`
}

/** Half of the time, if half of the samples show as much; twice the time, if they show less. */
function proposedTime({ time, setUps }: Settings, all: Sight, half: Sight): string {
  const isWorse = [...all.smallest].some(([title, level]) => (half.smallest.get(title) ?? Infinity) > level)
  const factor = isWorse ? 2 : 0.5
  const why = isWorse
    ? 'half of the samples show less, so more may show more'
    : `half of the samples show as much; what limits the gate is how far ${setUps} set-ups differ`
  return time === 0
    ? `time: not in use, because the number of samples is set (${why})`
    : `time: ${time * factor} (now ${time}; ${why})`
}

/** A run with only the first half of what each set-up measured. */
const firstHalf = (run: Results): Results => ({ ...run, suites: run.suites.map(halfOfSuite) })

const halfOfSuite = (suite: SuiteResults): SuiteResults => ({
  ...suite,
  dumps: halfOf(suite.dumps),
  ...(suite.rewrites && { rewrites: halfOf(suite.rewrites) }),
  samples: halfOf(suite.samples),
})

const halfOf = <T extends { setUp?: number | undefined }>(samples: readonly T[]): T[] =>
  [...Map.groupBy(samples, ({ setUp = 0 }) => setUp).values()].flatMap((group) =>
    group.slice(0, Math.ceil(group.length / 2)),
  )
