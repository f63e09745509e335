import {
  DECIDING,
  type ComparisonResults,
  type FigureResults,
  type Results,
  type SampleResults,
  type SuiteResults,
} from '../../reports/results.ts'
import { bandsOf, figuresOf, isSuspect, judgeAlone, judgeFamily, type Change, type Pair, type Sensitivity } from './change.ts' // prettier-ignore
import { conditionsOf, type Sampled } from './sampled.ts'
import { medianOf } from '../stats/bootstrap.ts'
import type { Milliseconds } from '../units.ts'
import { keyOf, type Baseline } from './baseline-file.ts'

/** A figure of this run and the same of the baseline. */
interface Row {
  readonly suite: SuiteResults
  readonly figure: FigureResults
  readonly pair: Pair
  /** What it was before it was measured once more. */
  readonly first: Pair | undefined
  /** Of what was measured in another way than then: a newer CRIU, say. */
  readonly note: string
}

/**
 * The results with a verdict on each figure that the baseline has. Cold starts and dumps are one family, in which a
 * false alarm is as rare as in a single test; the other phases explain the cold start and never say more than it does.
 */
export function compareResults(
  now: Results,
  { name, results: before }: Baseline,
  sensitivity: Sensitivity,
): Results {
  const earlier = new Map(before.suites.map((suite) => [keyOf(suite), suite]))
  const rows = now.suites.flatMap((suite) => rowsOf(suite, earlier.get(keyOf(suite))))
  const deciding = rows.filter(({ figure }) => DECIDING.includes(figure.phase))
  const verdicts = verdictsOf(deciding, sensitivity)
  for (const { figure, pair, suite } of rows) {
    if (verdicts.has(figure)) continue
    const whole = suite.figures.find(({ phase }) => phase === 'cold start')
    verdicts.set(figure, asPartOf(judgeAlone(pair, sensitivity), whole && verdicts.get(whole)))
  }
  const comparisons = new Map(
    rows.map((row) => [row.figure, comparison(row, verdicts.get(row.figure), sensitivity)]),
  )
  return {
    ...now,
    baseline: { name, createdAt: before.createdAt },
    suites: now.suites.map((suite) => ({
      ...suite,
      figures: suite.figures.map((figure) => withComparison(figure, comparisons.get(figure))),
    })),
  }
}

/** The strategies of a (filesystem, size) pair share its dumps: the same samples are one row of the family. */
function verdictsOf(deciding: readonly Row[], sensitivity: Sensitivity): Map<FigureResults, Change> {
  const family = new Map(deciding.map(({ pair }) => [JSON.stringify(pair), pair]))
  const changes = judgeFamily([...family.values()], sensitivity)
  const byPair = new Map([...family.keys()].map((key, index) => [key, changes[index]]))
  const verdicts = new Map<FigureResults, Change>()
  for (const { figure, pair } of deciding) {
    const change = byPair.get(JSON.stringify(pair))
    if (change) verdicts.set(figure, change)
  }
  return verdicts
}

function withComparison(figure: FigureResults, baseline: ComparisonResults | undefined): FigureResults {
  const { baseline: _, ...bare } = figure
  return baseline ? { ...bare, baseline } : bare
}

function rowsOf(suite: SuiteResults, before: SuiteResults | undefined): Row[] {
  if (!before) return []
  const note = before.baseImage === suite.baseImage ? '' : `; measured then with ${before.baseImage}`
  return suite.figures.flatMap((figure) => {
    const then = sampledOf(before, figure.phase)
    const now = sampledOf(suite, figure.phase)
    // A ratio to nothing is none: lazy may have had no page left to drain.
    if (then.samples.length === 0 || [...then.samples, ...now.samples].includes(0)) return []
    const again = sampledOf({ ...suite, ...(suite.again ?? { dumps: [], samples: [] }) }, figure.phase)
    const bands = bandsOf(figure.phase)
    const first = again.samples.length > 0 ? { before: then, now, bands } : undefined
    return { suite, figure, pair: { before: then, now: first ? again : now, bands }, first, note }
  })
}

/** What a suite has of one phase. */
export function sampledOf(
  { dumps, samples, control: program }: Pick<SuiteResults, 'dumps' | 'samples' | 'control'>,
  phase: string,
): Sampled {
  if (phase === 'dump') return { samples: dumps.map(({ total }) => total), ...conditionsOf(dumps, program) }
  const taken = samples.filter((sample) => durationOf(sample, phase) !== undefined)
  return { samples: taken.map((sample) => durationOf(sample, phase) ?? 0), ...conditionsOf(taken, program) }
}

function durationOf(
  { nanoseconds, drained, points }: SampleResults,
  phase: string,
): Milliseconds | undefined {
  if (phase === 'drain')
    return drained === undefined || points.c === undefined
      ? undefined
      : Math.max(0, Number(BigInt(drained) - BigInt(points.c)) / 1e6)
  const duration = nanoseconds[phase]
  return duration === undefined ? undefined : Number(duration) / 1e6
}

/** A faster restore that pays for it in execution is no improvement, nor is the reverse a regression. */
function asPartOf(part: Change, whole: Change | undefined): Change {
  if (!isSuspect(part) || part.state === whole?.state) return part
  const reason = `${part.reason}, but the cold start is not: ${whole?.state ?? 'not in the baseline'}`
  return { ...part, state: 'pass', reason }
}

function comparison(
  { pair, first, note }: Row,
  change: Change | undefined,
  sensitivity: Sensitivity,
): ComparisonResults {
  if (!change) throw new Error('a row without a verdict')
  const { state, ratio, interval, confidence, machine, reason } = change
  const suspected = first && judgeAlone(first, sensitivity)
  const before =
    suspected && !isSuspect(change) && isSuspect(suspected)
      ? `; ${figuresOf(suspected)} at first, not so when measured once more`
      : ''
  return {
    verdict: state,
    median: medianOf(pair.before.samples),
    n: pair.before.samples.length,
    ratio,
    interval: [...interval],
    confidence,
    ...(machine !== undefined && { machine }),
    reason: `${reason}${before}${note}`,
    ...(suspected && { suspected: { ratio: suspected.ratio, interval: [...suspected.interval] } }),
  }
}

/** The phases of a suite that decide, and that by themselves seem to have changed: to be measured once more. */
export function suspectsIn(suite: SuiteResults, { results }: Baseline, sensitivity: Sensitivity): string[] {
  const before = results.suites.find((each) => keyOf(each) === keyOf(suite))
  return rowsOf(suite, before)
    .filter(({ figure }) => DECIDING.includes(figure.phase))
    .filter(({ pair }) => isSuspect(judgeAlone(pair, sensitivity)))
    .map(({ figure }) => figure.phase)
}
