import { formatMilliseconds } from './format.ts'
import {
  DECIDING,
  type ComparisonResults,
  type FigureResults,
  type Results,
  type SuiteResults,
} from './results.ts'
import { durationOf } from './timeline.ts'

/** One figure with its suite: a row of every report that is not a matrix. */
export interface Row {
  readonly suite: SuiteResults
  readonly figure: FigureResults
  /** The name of the run's baseline, which may lack this figure. */
  readonly baseline?: string | undefined
}

/** "slower" and "faster" are for phases that do not decide: they explain a cold start. */
export type Verdict =
  'regression' | 'miss' | 'inconclusive' | 'improvement' | 'slower' | 'faster' | 'pass' | 'not gated'

export const rowsOf = ({ suites, baseline }: Results): Row[] =>
  suites.flatMap((suite) => suite.figures.map((figure) => ({ suite, figure, baseline: baseline?.name })))

/** "tmpfs 64MB mapped python": the same in every run. A title alone can belong to suites of two handlers. */
export const nameOf = ({ title, handler }: Pick<SuiteResults, 'title' | 'handler'>): string =>
  `${title} ${handler}`

/** "tmpfs 64MB mapped python > restore": the name of a figure in exports and in the history. */
export const keyOf = ({ suite, figure }: Row): string => `${nameOf(suite)} > ${figure.phase}`

/** What a figure amounts to, in one word: a failure first, then the comparison with the baseline, then the gate. */
export function verdictOf({ figure, baseline }: Row): Verdict {
  const decides = DECIDING.includes(figure.phase)
  const found = figure.baseline?.verdict ?? (baseline !== undefined && decides ? 'inconclusive' : undefined)
  if (found === 'regression' && decides) return found
  if (figure.verdict.state === 'miss') return 'miss'
  if (found === 'regression') return 'slower'
  if (found === 'improvement' && !decides) return 'faster'
  return found ?? (figure.verdict.state === 'pass' ? 'pass' : 'not gated')
}

export const MARKS: Readonly<Record<Verdict, string>> = {
  regression: '▲',
  miss: '✗',
  inconclusive: '?',
  improvement: '▼',
  slower: '▵',
  faster: '▿',
  pass: '✓',
  'not gated': '·',
}

export const hasFailed = (row: Row): boolean => ['regression', 'miss'].includes(verdictOf(row))

/** One sentence for each failure: all of them, or those with one verdict. */
export const failuresOf = (results: Results, only?: Verdict): string[] =>
  rowsOf(results)
    .filter((row) => (only === undefined ? hasFailed(row) : verdictOf(row) === only))
    .map(sentenceOf)

/** One sentence with every figure of a row, and what it was compared with. */
export function sentenceOf(row: Row): string {
  const { verdict, baseline } = row.figure
  const facts = [
    verdict.state === 'ungated' ? '' : verdict.reason,
    baseline
      ? `${baseline.ratio.toFixed(2)} × the ${formatMilliseconds(baseline.median)} ms of the baseline${withoutMachine(baseline)} (${baseline.interval.map((end) => end.toFixed(2)).join(' to ')}): ${baseline.reason}`
      : '',
    row.baseline !== undefined && !baseline ? `not in the baseline ${row.baseline}` : '',
  ].filter(Boolean)
  return `${subjectOf(keyOf(row), row.figure)}; ${facts.length === 0 ? verdict.reason : facts.join('; ')}`
}

/** "tmpfs 64MB mapped python > restore: median 5.42 ms (n=10)". */
export const subjectOf = (name: string, { median, n }: Pick<FigureResults, 'median' | 'n'>): string =>
  `${name}: median ${formatMilliseconds(median)} ms (n=${n})`

const withoutMachine = ({ machine }: ComparisonResults): string =>
  machine === undefined ? '' : `, without the machine's own ${machine.toFixed(2)} ×`

/** One sample of one phase. */
export interface Duration {
  /** ms. */
  readonly duration: number
  /** ms; missing where no control ran before this sample. */
  readonly control?: number | undefined
  readonly noise: readonly string[]
}

/** Every sample that a phase's figure is made of, in the order of time. */
export const samplesOf = (measured: Pick<SuiteResults, 'dumps' | 'samples'>, phase: string): Duration[] =>
  phase === 'dump'
    ? measured.dumps.map(({ total, control, noise = [] }) => ({ duration: total, control, noise }))
    : measured.samples.flatMap(({ points, control, noise = [] }) => {
        const duration = durationOf(points, phase)
        return duration === undefined ? [] : [{ duration, control, noise }]
      })
