import { formatMilliseconds } from './format.ts'
import {
  DECIDING,
  type ComparisonResults,
  type FigureResults,
  type SuiteSamples,
  type Results,
  type SampleResults,
  type SuiteResults,
} from './results.ts'
import type { VERDICT_MARKS } from './marks.ts'
import { durationOf } from './timeline.ts'

/** One figure with its suite: one row of a report. */
export interface Row {
  readonly suite: SuiteResults
  readonly figure: FigureResults
  /** Name of the run's baseline, even if the baseline lacks this figure. */
  readonly baseline?: string | undefined
}

/** The phases that do not decide are "slower" or "faster": they explain a cold start, and cannot fail a comparison. */
export type Verdict = keyof typeof VERDICT_MARKS

export const rowsOf = ({ suites, baseline }: Pick<Results, 'suites' | 'baseline'>): Row[] =>
  suites.flatMap((suite) => suite.figures.map((figure) => ({ suite, figure, baseline: baseline?.name })))

/**
 * "tmpfs 64MB mapped python", the same in every run; "tmpfs 64MB mapped python (a.bench.ts)" if another file has the same
 * suite. The title alone is not unique: it does not have the handler.
 */
export const nameOf = ({
  title,
  handler,
  apart,
}: Pick<SuiteResults, 'title' | 'handler'> & { readonly apart?: string | undefined }): string =>
  `${title} ${handler}${apart === undefined ? '' : ` (${apart})`}`

/** "tmpfs 64MB mapped python > restore": the key of a figure in exports and in the history. */
export const keyOf = ({ suite, figure }: Row): string => `${nameOf(suite)} > ${figure.phase}`

/** The single verdict of a figure. Failures take precedence, then the comparison with the baseline, then the gate. */
export function verdictOf({ figure, baseline }: Row): Verdict {
  const decides = DECIDING.includes(figure.phase)
  const found = figure.baseline?.verdict ?? (baseline !== undefined && decides ? 'inconclusive' : undefined)
  if (found === 'regression' && decides) return found
  if (figure.verdict.state === 'miss') return 'miss'
  if (found === 'regression') return 'slower'
  if (found === 'improvement' && !decides) return 'faster'
  return found ?? (figure.verdict.state === 'pass' ? 'pass' : 'not gated')
}

export const hasFailed = (row: Row): boolean => ['regression', 'miss'].includes(verdictOf(row))

/** One sentence for each failed figure, or, if `only` is given, for each figure with that verdict. */
export const failuresOf = (results: Results, only?: Verdict): string[] =>
  rowsOf(results)
    .filter((row) => (only === undefined ? hasFailed(row) : verdictOf(row) === only))
    .map(sentenceOf)

/** One sentence about a figure: its median, and each comparison with its reason. */
export function sentenceOf(row: Row): string {
  const { verdict, baseline } = row.figure
  const facts = [
    verdict.state === 'ungated' ? '' : verdict.reason,
    baseline
      ? `${baseline.ratio.toFixed(2)} × the baseline's ${formatMilliseconds(baseline.median)} ms${driftOf(baseline)} (interval ${baseline.interval.map((end) => end.toFixed(2)).join(' to ')}): ${baseline.reason}`
      : '',
    row.baseline !== undefined && !baseline ? `not in the baseline ${row.baseline}` : '',
  ].filter(Boolean)
  return `${subjectOf(keyOf(row), row.figure)}; ${facts.length === 0 ? verdict.reason : facts.join('; ')}`
}

/** "tmpfs 64MB mapped python > restore: median 5.42 ms (n=10)". */
export const subjectOf = (name: string, { median, n }: Pick<FigureResults, 'median' | 'n'>): string =>
  `${name}: median ${formatMilliseconds(median)} ms (n=${n})`

/** ", after removing 1.05 × of machine drift"; empty if no control measured the drift. */
export const driftOf = ({ machine }: ComparisonResults): string =>
  machine === undefined ? '' : `, after removing ${machine.toFixed(2)} × of machine drift`

/** The figure of one phase of a suite; undefined if the suite does not have it. */
export const figureOf = (suite: SuiteResults | undefined, phase: string): FigureResults | undefined =>
  suite?.figures.find((figure) => figure.phase === phase)

export const bySize = (suites: readonly SuiteResults[]): SuiteResults[] =>
  suites.toSorted((one, other) => one.size - other.size)

/** One phase of one sample. */
export interface Duration {
  /** ms. */
  readonly duration: number
  /** ms; missing if no control ran before this sample. */
  readonly control?: number | undefined
  readonly memoryControl?: number | undefined
  /** The set-up that the sample was taken with, from 0. */
  readonly setUp: number
  readonly noise: readonly string[]
}

/** The samples behind the figure of a phase, in the order in which they were taken. */
export function samplesOf({ dumps, rewrites = [], samples }: SuiteSamples, phase: string): Duration[] {
  if (phase === 'dump') return dumps.map((dump) => ({ duration: dump.total, ...conditionsOf(dump) }))
  if (phase === 'rewrite')
    return rewrites.map((rewrite) => ({ duration: rewrite.wall, ...conditionsOf(rewrite) }))
  return samples.flatMap((sample) => {
    const duration = durationOf(sample.points, phase)
    return duration === undefined ? [] : [{ duration, ...conditionsOf(sample) }]
  })
}

/** What was measured a second time, because it seemed to have changed. */
export const againOf = ({ again }: Pick<SuiteResults, 'again'>): SuiteSamples =>
  again ?? { dumps: [], rewrites: [], samples: [] }

const conditionsOf = ({ control, memoryControl, noise = [], setUp = 0 }: Pick<SampleResults, 'control' | 'memoryControl' | 'noise' | 'setUp'>) => ({
  control,
  memoryControl,
  noise,
  setUp,
}) // prettier-ignore
