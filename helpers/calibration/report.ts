import { markdownTable } from 'markdown-table'
import { noiseLines } from '../../reports/verdicts.ts'
import type { Fingerprint, NoiseResults } from '../../reports/results.ts'
import { medianOf } from '../stats/bootstrap.ts'
import { wilson } from '../stats/proportion.ts'
import { formatSize, type Milliseconds } from '../units.ts'
import { ALPHA, bandFactorOf, EXCLUDED_RATIO } from '../gate/change.ts'
import { normalizeByControl } from '../gate/sampled.ts'
import {
  DELAY_LEVELS,
  type CalibrationPlan,
  type CalibrationRun,
  type Delayed,
  type Unchanged,
} from './measure.ts'
import { simulate } from './simulate.ts'

export interface Calibration {
  readonly createdAt: string
  readonly fingerprint: Fingerprint
  readonly noise: NoiseResults
  /** Wall time of the whole calibration, minutes. */
  readonly minutes: number
  readonly plan: CalibrationPlan
  readonly runs: readonly CalibrationRun[]
}

/** Writes reports/calibration.md: which slowdowns the gate finds, and how often it reports one that does not exist. */
export function calibrationReport(calibration: Calibration): string {
  const { plan, runs, fingerprint, noise } = calibration
  const { kernel, cpu, cpus } = fingerprint
  const sizes = plan.sizes.map(formatSize).join(', ')
  return `${[
    '# Calibration of the gate',
    `Written by \`npm run calibrate\` at ${calibration.createdAt}, after ${calibration.minutes.toFixed(1)} minutes: ${runs.length} runs at ${sizes}, at least ${plan.iterations} samples a row${plan.time ? ` in at least ${plan.time / 1000} s` : ''}, noise band ${percent(plan.band)} (dumps ${percent(plan.band * bandFactorOf('dump'))}), floor ${plan.floor} ms, a probability of ${percent(ALPHA)} for a false alarm in a run (Holm's procedure), tmpfs, mapped, Python handler. Shares have Wilson's 95 % interval.`,
    [`Kernel ${kernel}, ${cpus} × ${cpu}.`, ...noiseLines({ noise, suites: [] }).map((line) => line.trim())].map((line) => `- ${line}`).join('\n'), // prettier-ignore
    '## Unchanged code',
    `Each run measures the same code twice, a baseline and a second measurement, each with its own set-up. A false alarm is a row that is judged a regression. The rows of a run are judged together. Ratios are corrected by the control; the last column shows the spread without this correction.`,
    unchangedTable(plan, runs),
    `In all, ${share(runs.filter(hasAlarm).length, runs.length)} runs had a false alarm.`,
    '## Injected delays',
    'Each delay keeps a processor busy for a share of the baseline’s cold start, in the launcher, in the restore or in the handler, at one size in each run. A delay is found if its row is judged a regression.',
    delayedTable(runs),
    '## Simulation with the samples of these runs',
    `Both sides are resampled from the cold starts of all runs, 400 times each. Differences between set-ups therefore add to the spread within a side, not to the difference between the sides. The verdict is inconclusive if a slowdown of ${percent(EXCLUDED_RATIO - 1)} cannot be excluded.`,
    simulatedTable(plan, samplesBySize(runs)),
  ].join('\n\n')}\n`
}

/** Simulates the gate with recorded samples, by title, as a Markdown table: share of regressions (of inconclusive). */
export const simulatedTable = (
  plan: Omit<CalibrationPlan, 'sizes' | 'containerName'>,
  recorded: ReadonlyMap<string, readonly Milliseconds[]>,
): string => {
  const trials = 400
  const levels = [0, ...DELAY_LEVELS]
  const rows = [...recorded].map(([title, samples]) => [
    title,
    ...levels.map((level) => {
      const { regression, inconclusive } = simulate(
        samples,
        { iterations: plan.iterations, level, trials },
        plan,
      )
      return `${percent(regression / trials)} (${percent(inconclusive / trials)})`
    }),
  ])
  const header = ['regression (inconclusive)', ...levels.map((level) => `+${percent(level)}`)]
  return markdownTable([header, ...rows], { align: ['l', ...levels.map(() => 'r')] })
}

const percent = (part: number): string => `${(part * 100).toFixed(0)} %`

function share(count: number, n: number): string {
  if (n === 0) return '–'
  const [low, high] = wilson(count, n)
  return `${count} of ${n} (${percent(low)} to ${percent(high)})`
}

const hasAlarm = ({ unchanged }: CalibrationRun): boolean =>
  unchanged.some(({ change }) => change.state === 'regression')

function unchangedTable({ sizes }: CalibrationPlan, runs: readonly CalibrationRun[]): string {
  const all = runs.flatMap(({ unchanged }) => unchanged)
  const rows = (['cold start', 'dump'] as const).flatMap(
    (phase) =>
    sizes.map((size) => unchangedRow(`${phase} ${formatSize(size)}`, all.filter((row) => row.size === size && row.phase === phase))), // prettier-ignore
  )
  const header = [
    'row',
    'false alarms',
    'improvements',
    'inconclusive',
    'ratios, min to max',
    'spread of a ratio',
    'without the control',
  ]
  return markdownTable([header, ...rows], { align: ['l', ...header.slice(1).map(() => 'r' as const)] })
}

function unchangedRow(title: string, rows: readonly Unchanged[]): string[] {
  const count = (state: string) => rows.filter(({ change }) => change.state === state).length
  const ratios = rows.map(({ change }) => change.ratio)
  const uncorrected = rows.map(
    ({ comparison }) => medianOf(comparison.now.samples) / medianOf(comparison.before.samples),
  )
  return [
    title,
    share(count('regression'), rows.length),
    String(count('improvement')),
    String(count('inconclusive')),
    `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
    spreadOf(ratios),
    spreadOf(uncorrected),
  ]
}

/** The median distance of ratios from 1: half of all pairs of runs differ by less. The noise band must be wider. */
const spreadOf = (ratios: readonly number[]): string =>
  `±${(100 * medianOf(ratios.map((ratio) => Math.abs(Math.log(ratio))))).toFixed(1)} %`

function delayedTable(runs: readonly CalibrationRun[]): string {
  const all = runs.flatMap(({ delayed }) => delayed)
  const groups: ReadonlyArray<readonly [string, (row: Delayed) => boolean]> = [
    ['all', () => true],
    ...[...new Set(all.map(({ where }) => where))].map((where): [string, (row: Delayed) => boolean] => [
      `in the ${where}`,
      (row) => row.where === where,
    ]),
    ...[...new Set(all.map(({ size }) => size))].map((size): [string, (row: Delayed) => boolean] => [
      `at ${formatSize(size)}`,
      (row) => row.size === size,
    ]),
  ]
  const rows = groups.map(([title, isIn]) => [
    title,
    ...DELAY_LEVELS.map((level) => {
      const rowsOf = all.filter((row) => row.level === level && isIn(row))
      return share(rowsOf.filter(({ change }) => change.state === 'regression').length, rowsOf.length)
    }),
  ])
  return markdownTable([['found', ...DELAY_LEVELS.map((level) => `+${percent(level)}`)], ...rows], {
    align: ['l', ...DELAY_LEVELS.map(() => 'r' as const)],
  })
}

function samplesBySize(runs: readonly CalibrationRun[]): Map<string, number[]> {
  const rows = runs.flatMap(({ unchanged }) => unchanged).filter(({ phase }) => phase === 'cold start')
  const groups = Map.groupBy(rows, ({ size }) => formatSize(size))
  return new Map([...groups].map(([title, group]) => [title, group.flatMap(({ comparison }) => [...normalizeByControl(comparison.before), ...normalizeByControl(comparison.now)])])) // prettier-ignore
}
