import { markdownTable } from 'markdown-table'
import { noiseLines } from '../../reports/verdicts.ts'
import type { Fingerprint, NoiseResults } from '../../reports/results.ts'
import { medianOf } from '../stats/bootstrap.ts'
import { wilson } from '../stats/proportion.ts'
import { formatSize, type Milliseconds } from '../units.ts'
import { ALPHA, bandsOf, EXCLUDED } from '../gate/change.ts'
import { normalizeByControl } from '../gate/sampled.ts'
import { LEVELS, type CalibrationPlan, type CalibrationRun, type Delayed, type Unchanged } from './measure.ts'
import { simulate } from './simulate.ts'

export interface Calibration {
  readonly createdAt: string
  readonly fingerprint: Fingerprint
  readonly noise: NoiseResults
  /** Wall time of it all, minutes. */
  readonly minutes: number
  readonly plan: CalibrationPlan
  readonly runs: readonly CalibrationRun[]
}

/** reports/calibration.md: what the gate finds, and what it takes for a change that is none. */
export function calibrationReport(calibration: Calibration): string {
  const { plan, runs, fingerprint, noise } = calibration
  const { kernel, cpu, cpus } = fingerprint
  const sizes = plan.sizes.map(formatSize).join(', ')
  return `${[
    '# Calibration of the gate',
    `Made by \`npm run calibrate\` at ${calibration.createdAt} in ${calibration.minutes.toFixed(1)} minutes: ${runs.length} runs at ${sizes}, at least ${plan.iterations} samples a row${plan.time ? ` in at least ${plan.time / 1000} s` : ''}, noise band ${percent(plan.band)} (dumps ${percent(plan.band * bandsOf('dump'))}), floor ${plan.floor} ms, ${percent(ALPHA)} for a false alarm in a run (Holm), tmpfs, mapped, Python handler. Shares have Wilson's interval at 95 %.`,
    [`Kernel ${kernel}, ${cpus} × ${cpu}.`, ...noiseLines({ noise, suites: [] }).map((line) => line.trim())].map((line) => `- ${line}`).join('\n'), // prettier-ignore
    '## The same thing twice',
    `Each run has a baseline and a second measurement, each from a set-up of its own. A false alarm is a row that is called a regression; the rows of a run are judged together. Ratios are of the samples over the control beside them; the last column is of the samples as they are.`,
    unchangedTable(plan, runs),
    `In all, ${share(runs.filter(hasAlarm).length, runs.length)} runs had a false alarm.`,
    '## Planted slow-downs',
    'Processor time that is really used, by so much of the baseline’s cold start, in the launcher, in the restore or in the handler, at one size a run. Found is what is called a regression.',
    delayedTable(runs),
    '## Simulated on the samples of these runs',
    `Drawn anew from the cold starts of all runs, 400 times each. What differs from set-up to set-up is part of the spread here, and no difference between the two. A slow-down of ${percent(EXCLUDED - 1)} that cannot be excluded is inconclusive.`,
    simulatedTable(plan, samplesBySize(runs)),
  ].join('\n\n')}\n`
}

/** A simulation on the samples of any results.json. */
export const simulatedTable = (
  plan: Omit<CalibrationPlan, 'sizes' | 'containerName'>,
  recorded: ReadonlyMap<string, readonly Milliseconds[]>,
): string => {
  const trials = 400
  const levels = [0, ...LEVELS]
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
    'ratios, least to most',
    'spread of a ratio',
    'without the control',
  ]
  return markdownTable([header, ...rows], { align: ['l', ...header.slice(1).map(() => 'r' as const)] })
}

function unchangedRow(title: string, rows: readonly Unchanged[]): string[] {
  const count = (state: string) => rows.filter(({ change }) => change.state === state).length
  const ratios = rows.map(({ change }) => change.ratio)
  const bare = rows.map(({ pair }) => medianOf(pair.now.samples) / medianOf(pair.before.samples))
  return [
    title,
    share(count('regression'), rows.length),
    String(count('improvement')),
    String(count('inconclusive')),
    `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
    spreadOf(ratios),
    spreadOf(bare),
  ]
}

/** Half of all pairs of runs differ by less: it is what the noise band is for. */
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
    ...LEVELS.map((level) => {
      const rowsOf = all.filter((row) => row.level === level && isIn(row))
      return share(rowsOf.filter(({ change }) => change.state === 'regression').length, rowsOf.length)
    }),
  ])
  return markdownTable([['found', ...LEVELS.map((level) => `+${percent(level)}`)], ...rows], {
    align: ['l', ...LEVELS.map(() => 'r' as const)],
  })
}

function samplesBySize(runs: readonly CalibrationRun[]): Map<string, number[]> {
  const rows = runs.flatMap(({ unchanged }) => unchanged).filter(({ phase }) => phase === 'cold start')
  const groups = Map.groupBy(rows, ({ size }) => formatSize(size))
  return new Map([...groups].map(([title, group]) => [title, group.flatMap(({ pair }) => [...normalizeByControl(pair.before), ...normalizeByControl(pair.now)])])) // prettier-ignore
}
