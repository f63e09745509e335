import {
  DECIDING,
  type ComparisonResults,
  type FigureResults,
  type Results,
  type SuiteResults,
} from '../../reports/results.ts'
import { bandsOf, figuresOf, isSuspect, judgeAlone, judgeFamily, type Change, type Pair, type Sensitivity } from './change.ts' // prettier-ignore
import { sampledOf } from './sampled.ts'
import { medianOf } from '../stats/bootstrap.ts'
import { keyOf, type Baseline } from './baseline-file.ts'

/** A figure of this run beside the same figure of the baseline. */
interface Row {
  readonly suite: SuiteResults
  readonly figure: FigureResults
  readonly pair: Pair
  /** The first measurement, where a second one followed. */
  readonly first: Pair | undefined
  /** How the measurements differ: a newer CRIU, for example. */
  readonly note: string
}

/**
 * Compares each figure with the baseline's. Cold starts and dumps are judged as one family, in which a false alarm is as
 * rare as in a single test. The other phases explain the cold start, and are never judged worse than it.
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

/** The strategies of one checkpoint share its dumps: the same samples are one row of the family. */
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
    // Zero has no ratio: lazy may have had no page left to drain.
    if (then.samples.length === 0 || [...then.samples, ...now.samples].includes(0)) return []
    const again = sampledOf({ ...suite, ...(suite.again ?? { dumps: [], samples: [] }) }, figure.phase)
    const bands = bandsOf(figure.phase)
    const first = again.samples.length > 0 ? { before: then, now, bands } : undefined
    return { suite, figure, pair: { before: then, now: first ? again : now, bands }, first, note }
  })
}

/** A faster restore with a slower execution has only moved its cost; a slower one likewise. */
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
      ? `; ${figuresOf(suspected)} at first, not in a second measurement`
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

/** The deciding phases of a suite that seem to have changed, and are to be measured a second time. */
export function suspectsIn(suite: SuiteResults, { results }: Baseline, sensitivity: Sensitivity): string[] {
  const before = results.suites.find((each) => keyOf(each) === keyOf(suite))
  return rowsOf(suite, before)
    .filter(({ figure }) => DECIDING.includes(figure.phase))
    .filter(({ pair }) => isSuspect(judgeAlone(pair, sensitivity)))
    .map(({ figure }) => figure.phase)
}
