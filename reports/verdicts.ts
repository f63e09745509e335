import { markdownTable } from 'markdown-table'
import { median as medianOf } from 'simple-statistics'
import { formatMilliseconds, formatRatio } from './format.ts'
import { BASELINE_MARKS } from './marks.ts'
import {
  DECIDING,
  type ComparisonResults,
  type FigureResults,
  type Results,
  type SuiteResults,
} from './results.ts'
import { againOf, bySize, driftOf, figureOf, rowsOf, samplesOf, type Row } from './rows.ts'

/** A table of ratios to the baseline, with a row for each phase; undefined if the run has no baseline. */
export function baselineTable(results: Results, suites: readonly SuiteResults[]): string | undefined {
  if (!results.baseline) return undefined
  const columns = bySize(suites)
  const phases = [...new Set(columns.flatMap(({ figures }) => figures.map(({ phase }) => phase)))]
  const rows = phases.map((phase) => [phase, ...columns.map((suite) => ratioCell(figureOf(suite, phase)))])
  const header = [`× ${results.baseline.name}`, ...columns.map(({ label }) => label)]
  return markdownTable([header, ...rows], { align: ['l', ...columns.map(() => 'r')] })
}

function ratioCell(figure: FigureResults | undefined): string {
  if (!figure) return ''
  return figure.baseline
    ? `${formatRatio(figure.baseline.ratio)} ${BASELINE_MARKS[figure.baseline.verdict]}`
    : 'new ?'
}

/** The comparison with the baseline: a summary, then one line for each deciding figure that is not a plain pass. */
export function verdictLines(results: Results): string[] {
  const { baseline } = results
  if (!baseline) return []
  const rows = rowsOf(results).filter(({ figure }) => DECIDING.includes(figure.phase))
  const count = (verdict: ComparisonResults['verdict']) =>
    rows.filter(({ figure }) => (figure.baseline?.verdict ?? 'inconclusive') === verdict).length
  const counts = (['regression', 'inconclusive', 'improvement', 'pass'] as const)
    .map((verdict) => `${BASELINE_MARKS[verdict]} ${count(verdict)} ${verdict}`)
    .join(', ')
  return [
    `compared with the baseline ${baseline.name} of ${baseline.createdAt}, by cold start, dump and rewrite: ${counts}`,
    ...rows
      .filter(({ figure }) => figure.baseline?.verdict !== 'pass')
      .map((row) => verdictLine(row, baseline.name)),
  ]
}

function verdictLine({ suite, figure }: Row, name: string): string {
  const subject = `${suite.title}${suite.apart === undefined ? '' : ` (${suite.apart})`} > ${figure.phase}`
  if (!figure.baseline)
    return `inconclusive: ${subject}: not in the baseline; save a baseline that contains it`
  const { verdict, median, n, ratio, interval, confidence, reason } = figure.baseline
  const durations = comparedSamples(suite, figure).map(({ duration }) => duration)
  const range = `${(confidence * 100).toFixed(1)} % interval ${interval[0].toFixed(2)} to ${interval[1].toFixed(2)}`
  const counts = `n=${durations.length}, baseline n=${n}`
  const times = `${ratio.toFixed(2)} × the baseline's ${formatMilliseconds(median)} ms${driftOf(figure.baseline)}`
  const figures = `median ${formatMilliseconds(medianOf(durations))} ms; ${times} (${range}; ${counts})`
  return `${verdict}: ${subject}: ${figures}; ${reason}${advice(verdict, suite, figure, name)}`
}

/** The samples that a comparison used: those of the second measurement, if there was one. */
function comparedSamples(suite: SuiteResults, { phase }: FigureResults): ReturnType<typeof samplesOf> {
  const again = samplesOf(againOf(suite), phase)
  return again.length > 0 ? again : samplesOf(suite, phase)
}

function advice(
  verdict: ComparisonResults['verdict'],
  suite: SuiteResults,
  { phase }: FigureResults,
  name: string,
): string {
  if (verdict === 'improvement') return `. To keep it, save it: VITEST_CRIU_SAVE=${name}`
  if (verdict === 'inconclusive') return '. Run again on a quieter machine or with more iterations'
  if (verdict === 'pass') return ''
  const parts = suite.figures
    .filter((figure) => phase === 'cold start' && !DECIDING.includes(figure.phase))
    .flatMap((figure) => (figure.baseline ? `${figure.phase} ${figure.baseline.ratio.toFixed(2)} ×` : []))
  const changes = parts.length > 0 ? ` Its parts: ${parts.join(', ')}.` : ''
  return `.${changes} To measure it alone: npx vitest bench --run -t '${suite.title}'. To accept it: run with VITEST_CRIU_SAVE=${name} and without VITEST_CRIU_BASELINE`
}

/** The sources of noise before the run in one line, then one line of advice for each problem. */
export function noiseLines({ noise, suites }: Pick<Results, 'noise' | 'suites'>): string[] {
  if (!noise) return []
  const { load, governor, swapUsed, steal, virtualisation, advice: fixes } = noise
  const disturbed = suites.flatMap(({ samples }) => samples).filter((sample) => sample.noise).length
  const all = suites.flatMap(({ samples }) => samples).length
  const facts = [
    `load ${load.toFixed(2)}`,
    `steal ${steal.toFixed(1)} %`,
    `governor ${governor ?? 'unknown'}`,
    `swap ${(swapUsed / 2 ** 20).toFixed(0)} MB`,
    `virtualisation ${virtualisation}`,
    ...(all > 0 ? [`${disturbed} of ${all} samples disturbed`] : []),
  ]
  return [`machine before the run: ${facts.join(', ')}`, ...fixes.map((fix) => `  ${fix}`)]
}
