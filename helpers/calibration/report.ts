import { markdownTable } from 'markdown-table'
import { noiseLines } from '../../reports/verdicts.ts'
import type { Settings } from '../config/options.ts'
import { ALPHA, bandFactorOf } from '../gate/change.ts'
import { wilson } from '../stats/proportion.ts'
import { DELAY_LEVELS, type CalibrationRun, type Delayed } from './measure.ts'
import { replay, type Pair } from './replay.ts'
import { percent, verdictTable } from './replay-report.ts'

export interface Calibration {
  /** What the batch is for: "held out". */
  readonly batch: string
  readonly createdAt: string
  /** Wall time of the whole calibration, minutes. */
  readonly minutes: number
  readonly settings: Settings
  /** Whether the machine was disturbed on purpose. */
  readonly disturbed: boolean
  readonly runs: readonly CalibrationRun[]
}

/** A batch of reports/calibration.md: which slowdowns the gate finds, and how often it reports one that does not exist. */
export function calibrationReport(calibration: Calibration): string {
  const { batch, settings, runs } = calibration
  const pairs = runs.map(({ before, now }): Pair => [before, now])
  const { outcomes } = replay(pairs, settings)
  return `${[
    `## Batch: ${batch}`,
    introduction(calibration),
    machineLines(runs).map((line) => `- ${line}`).join('\n'),
    '### Unchanged code',
    'Each run measures the same code twice, a baseline and a second measurement, each with its own set-ups. A false alarm is a run in which a row is judged a regression.',
    `False alarms: ${share(outcomes.regression, runs.length)} runs. Inconclusive: ${share(outcomes.inconclusive, runs.length)}.`,
    verdictTable(replay(pairs, settings)),
    '### Injected delays',
    'Each delay keeps a processor busy for a share of the baseline’s cold start, in the launcher, in the restore or in the handler, in one suite of each run. A delay is found if its row is judged a regression, and missed if it passes; the rest is inconclusive.',
    delayedTable(runs.flatMap(({ delayed }) => delayed)),
  ].join('\n\n')}\n` // prettier-ignore
}

function introduction({ createdAt, minutes, settings, disturbed, runs }: Calibration): string {
  const { iterations, time, setUps, band, floor, spread } = settings
  const titles = runs[0]?.before.suites.map(({ title, handler }) => `${title} (${handler})`).join(', ') ?? ''
  const dumps = bandFactorOf('dump')
  return [
    `Written by \`npm run calibrate\` at ${createdAt}, after ${minutes.toFixed(1)} minutes: ${runs.length} runs of ${titles}.`,
    `At least ${iterations} samples a row${time ? ` in at least ${time / 1000} s` : ''}, in ${setUps} set-ups; noise band ${percent(band)} (dumps ${percent(band * dumps)}), floor ${floor} ms, spread known beforehand ${percent(spread, 1)} (dumps ${percent(spread * dumps, 1)}), a probability of ${percent(ALPHA)} for a false alarm in a run (Holm's procedure).`,
    disturbed ? 'The machine was disturbed on purpose for 2 s at random moments, after each baseline: by a program that forks, one that sweeps the caches, or one that takes half a processor.' : '',
    'Shares have Wilson’s 95 % interval.',
  ].filter(Boolean).join(' ') // prettier-ignore
}

function machineLines(runs: readonly CalibrationRun[]): string[] {
  const [first] = runs
  if (!first) return []
  const { kernel, cpu, cpus } = first.before.fingerprint
  const noise = noiseLines({ noise: first.before.noise, suites: runs.flatMap(({ now }) => now.suites) })
  return [`Kernel ${kernel}, ${cpus} × ${cpu}.`, ...noise.map((line) => line.trim())]
}

function share(count: number, n: number): string {
  if (n === 0) return '–'
  const [low, high] = wilson(count, n)
  return `${count} of ${n} (${percent(low)} to ${percent(high)})`
}

/** The verdict on the cold start that had the delay. */
export const verdictOn = ({ title, results }: Delayed): string =>
  results.suites.find((suite) => suite.title === title)?.figures.find(({ phase }) => phase === 'cold start')
    ?.baseline?.verdict ?? 'inconclusive'

function delayedTable(all: readonly Delayed[]): string {
  const groups: ReadonlyArray<readonly [string, (row: Delayed) => boolean]> = [
    ['all', () => true],
    ...[...new Set(all.map(({ where }) => where))].map((where): [string, (row: Delayed) => boolean] => [
      `in the ${where}`,
      (row) => row.where === where,
    ]),
    ...[...new Set(all.map(({ title }) => title))].map((title): [string, (row: Delayed) => boolean] => [
      title,
      (row) => row.title === title,
    ]),
  ]
  const rows = groups.map(([title, isIn]) => [
    title,
    ...DELAY_LEVELS.map((level) => {
      const rowsOf = all.filter((row) => row.level === level && isIn(row))
      const count = (verdict: string) => rowsOf.filter((row) => verdictOn(row) === verdict).length
      return `${share(count('regression'), rowsOf.length)}; ${count('pass')} missed`
    }),
  ])
  return markdownTable([['found', ...DELAY_LEVELS.map((level) => `+${percent(level)}`)], ...rows], {
    align: ['l', ...DELAY_LEVELS.map(() => 'r' as const)],
  })
}
