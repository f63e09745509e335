import { formatMilliseconds } from '../helpers/units.ts'
import {
  DECIDING,
  type ComparisonResults,
  type FigureResults,
  type Results,
  type SampleResults,
  type SuiteResults,
} from './results.ts'

/** One figure with the suite that it was measured in: a row of every report that is no matrix. */
export interface Row {
  readonly suite: SuiteResults
  readonly figure: FigureResults
  /** The baseline that the run was held against, which need not have this figure. */
  readonly baseline?: string | undefined
}

/** "slower" and "faster" are of phases that do not decide: they explain a cold start. */
export type Verdict =
  'regression' | 'miss' | 'inconclusive' | 'improvement' | 'slower' | 'faster' | 'pass' | 'not gated'

export const rowsOf = ({ suites, baseline }: Results): Row[] =>
  suites.flatMap((suite) => suite.figures.map((figure) => ({ suite, figure, baseline: baseline?.name })))

/** "tmpfs 64MB mapped python": the same in every run, and unlike the title not shared by two handlers' suites. */
export const nameOf = ({ title, handler }: SuiteResults): string => `${title} ${handler}`

/** "tmpfs 64MB mapped python > restore", what exports and history know a figure by. */
export const keyOf = ({ suite, figure }: Row): string => `${nameOf(suite)} > ${figure.phase}`

/** The two judgements of a figure as one word: what fails comes first, then what the baseline says, then the reference. */
export function verdictOf({ figure, baseline }: Row): Verdict {
  const decides = DECIDING.includes(figure.phase)
  const found = figure.baseline?.verdict ?? (baseline !== undefined && decides ? 'inconclusive' : undefined)
  if (found === 'regression' && decides) return found
  if (figure.state === 'miss') return 'miss'
  if (found === 'regression') return 'slower'
  if (found === 'improvement' && !decides) return 'faster'
  return found ?? (figure.state === 'pass' ? 'pass' : 'not gated')
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

/** What fails, one sentence each: all of it, or by one verdict. */
export const failuresOf = (results: Results, only?: Verdict): string[] =>
  rowsOf(results)
    .filter((row) => (only === undefined ? hasFailed(row) : verdictOf(row) === only))
    .map(sentenceOf)

/** One sentence with every figure of a row, and what it was held against. */
export function sentenceOf(row: Row): string {
  const { median, n, reference, against, ratio, tolerance, baseline } = row.figure
  const subject = `${keyOf(row)}: median ${formatMilliseconds(median)} ms (n=${n})`
  const facts = [
    ratio !== undefined && reference !== undefined
      ? `${ratio.toFixed(2)} × ${heldTo(reference, against)}, ${tolerance} × allowed`
      : '',
    baseline
      ? `${baseline.ratio.toFixed(2)} × the ${formatMilliseconds(baseline.median)} ms of the baseline${withoutMachine(baseline)} (${baseline.interval.map((end) => end.toFixed(2)).join(' to ')}): ${baseline.reason}`
      : '',
    row.baseline !== undefined && !baseline ? `not in the baseline ${row.baseline}` : '',
  ].filter(Boolean)
  return facts.length === 0 ? `${subject}; nothing to hold it against` : `${subject}; ${facts.join('; ')}`
}

const withoutMachine = ({ machine }: ComparisonResults): string =>
  machine === undefined ? '' : `, without the machine's own ${machine.toFixed(2)} ×`

/** The reference's own figures stand as they were published. */
const heldTo = (reference: number, against: string | undefined): string =>
  against === undefined
    ? `the ${reference} ms of the reference`
    : `the ${formatMilliseconds(reference)} ms on ${against} in the same run`

/** Every duration that a phase's figure rests on, in ms and in the order they were taken, with what disturbed it. */
export const samplesOf = (measured: Pick<SuiteResults, 'dumps' | 'samples'>, phase: string): Duration[] =>
  phase === 'dump'
    ? measured.dumps.map(({ total, noise = [] }) => ({ duration: total, noise }))
    : measured.samples.flatMap((sample) => {
        const duration = durationOf(sample, phase)
        return duration === undefined ? [] : [{ duration, noise: sample.noise ?? [] }]
      })

export interface Duration {
  readonly duration: number
  readonly noise: readonly string[]
}

function durationOf({ nanoseconds, points, drained }: SampleResults, phase: string): number | undefined {
  const own = nanoseconds[phase]
  if (own !== undefined) return Number(own) / 1e6
  if (phase !== 'drain' || drained === undefined || points.c === undefined) return undefined
  // Pages may all have come in before the handler began.
  return Math.max(0, Number(BigInt(drained) - BigInt(points.c)) / 1e6)
}
