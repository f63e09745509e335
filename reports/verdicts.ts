import { markdownTable } from 'markdown-table'
import { median as medianOf } from 'simple-statistics'
import { formatMilliseconds } from './format.ts'
import {
  DECIDING,
  type ComparisonResults,
  type FigureResults,
  type Results,
  type SuiteResults,
} from './results.ts'
import { samplesOf } from './rows.ts'

/** Legible without colour. */
const MARKS = { pass: '=', regression: '▲', improvement: '▼', inconclusive: '?' } as const

interface Row {
  readonly suite: SuiteResults
  readonly figure: FigureResults
}

const rowsOf = ({ suites }: Pick<Results, 'suites'>): Row[] =>
  suites.flatMap((suite) => suite.figures.map((figure) => ({ suite, figure })))

const deciding = (results: Pick<Results, 'suites'>): Row[] =>
  rowsOf(results).filter(({ figure }) => DECIDING.includes(figure.phase))

/** Ratios to the baseline, one row a phase; undefined where there was no baseline. */
export function baselineTable(results: Results, suites: readonly SuiteResults[]): string | undefined {
  if (!results.baseline) return undefined
  const columns = suites.toSorted((one, other) => one.size - other.size)
  const phases = [...new Set(columns.flatMap(({ figures }) => figures.map(({ phase }) => phase)))]
  const rows = phases.map((phase) => [
    phase,
    ...columns.map(({ figures }) => cell(figures.find((figure) => figure.phase === phase))),
  ])
  const header = [`× ${results.baseline.name}`, ...columns.map(({ label }) => label)]
  return markdownTable([header, ...rows], { align: ['l', ...columns.map(() => 'r')] })
}

function cell(figure: FigureResults | undefined): string {
  if (!figure) return ''
  return figure.baseline ? `${figure.baseline.ratio.toFixed(2)}× ${MARKS[figure.baseline.verdict]}` : 'new ?'
}

/** What was found against the baseline: a line to sum up, then one for each deciding row that has not simply passed. */
export function verdictLines(results: Results): string[] {
  const { baseline } = results
  if (!baseline) return []
  const rows = deciding(results)
  const count = (verdict: ComparisonResults['verdict']) =>
    rows.filter(({ figure }) => (figure.baseline?.verdict ?? 'inconclusive') === verdict).length
  const counts = (['regression', 'inconclusive', 'improvement', 'pass'] as const)
    .map((verdict) => `${MARKS[verdict]} ${count(verdict)} ${verdict}`)
    .join(', ')
  return [
    `against the baseline ${baseline.name} of ${baseline.createdAt}, by cold start and dump: ${counts}`,
    ...rows
      .filter(({ figure }) => figure.baseline?.verdict !== 'pass')
      .map((row) => verdictLine(row, baseline.name)),
  ]
}

function verdictLine({ suite, figure }: Row, name: string): string {
  const subject = `${suite.title} > ${figure.phase}`
  if (!figure.baseline) return `inconclusive: ${subject}: not in the baseline; save one that has it`
  const { verdict, median, n, ratio, interval, confidence, machine, reason } = figure.baseline
  const durations = restsOn(suite, figure).map(({ duration }) => duration)
  const range = `${(confidence * 100).toFixed(1)} % interval ${interval[0].toFixed(2)} to ${interval[1].toFixed(2)}`
  const counts = `n=${durations.length} against ${n}`
  const times = `${ratio.toFixed(2)} ×${machine === undefined ? '' : ` without the machine's own ${machine.toFixed(2)} ×`}`
  const figures = `${formatMilliseconds(medianOf(durations))} ms against the ${formatMilliseconds(median)} ms of ${name} is ${times} (${range}; ${counts})`
  return `${verdict}: ${subject}: ${figures}; ${reason}${advice(verdict, suite, figure, name)}`
}

/** What a verdict rests on: what was measured once more, where that was. */
function restsOn(suite: SuiteResults, { phase }: FigureResults): ReturnType<typeof samplesOf> {
  const again = samplesOf(suite.again ?? { dumps: [], samples: [] }, phase)
  return again.length > 0 ? again : samplesOf(suite, phase)
}

function advice(
  verdict: ComparisonResults['verdict'],
  suite: SuiteResults,
  { phase }: FigureResults,
  name: string,
): string {
  if (verdict === 'improvement') return `. To keep it: VITEST_CRIU_SAVE=${name}`
  if (verdict === 'inconclusive') return '. Run again on a quieter machine, or with more iterations'
  if (verdict === 'pass') return ''
  const parts = suite.figures
    .filter((figure) => phase === 'cold start' && !DECIDING.includes(figure.phase))
    .flatMap((figure) => (figure.baseline ? `${figure.phase} ${figure.baseline.ratio.toFixed(2)} ×` : []))
  const where = parts.length > 0 ? ` Its parts: ${parts.join(', ')}.` : ''
  return `.${where} Find what made it slower: npx vitest bench -t '${suite.title}'. If it is meant: VITEST_CRIU_SAVE=${name} without VITEST_CRIU_BASELINE`
}

/** How the machine was before the run, in one line, and what to do about it. */
export function noiseLines({ noise, suites }: Pick<Results, 'noise' | 'suites'>): string[] {
  if (!noise) return []
  const { load, governor, swapUsed, steal, virtualisation, advice: fixes } = noise
  const disturbed = suites.flatMap(({ samples }) => samples).filter((sample) => sample.noise).length
  const all = suites.flatMap(({ samples }) => samples).length
  const facts = [
    `load ${load.toFixed(2)}`,
    `steal ${steal.toFixed(1)} %`,
    `governor ${governor ?? 'not shown'}`,
    `swap ${(swapUsed / 2 ** 20).toFixed(0)} MB`,
    `virtualisation ${virtualisation}`,
    ...(all > 0 ? [`${disturbed} of ${all} samples disturbed`] : []),
  ]
  return [`machine before the run: ${facts.join(', ')}`, ...fixes.map((fix) => `  ${fix}`)]
}
