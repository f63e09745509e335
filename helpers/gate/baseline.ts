import {
  DECIDING,
  type ComparisonResults,
  type FigureResults,
  type Results,
  type SuiteResults,
} from '../../reports/results.ts'
import { againOf } from '../../reports/rows.ts'
import { bandFactorOf, isSuspect, judgeAlone, judgeEach, judgeFamily, ratioWithInterval, type Change, type Comparison, type Sensitivity } from './change.ts' // prettier-ignore
import { allSamples, sampledOf } from './sampled.ts'
import { medianOf } from '../stats/bootstrap.ts'
import { sameSuite, type Baseline, type SuiteIdentity } from './baseline-file.ts'
import type { MeasuredFigure, MeasuredSuite } from './verdict.ts'

/** A figure of this run and the same figure of the baseline. */
interface Row {
  readonly suite: MeasuredSuite
  readonly figure: MeasuredFigure
  readonly comparison: Comparison
  /** The first measurement, if a second one followed. */
  readonly first: Comparison | undefined
  /** A difference between the runs that the reader should know, such as another base image. */
  readonly note: string
}

/**
 * Compares each figure with the baseline's. Cold starts, dumps and rewrites are judged as one family: the probability of any
 * false alarm among them is that of a single test. The other phases explain the cold start and are never judged worse
 * than it.
 */
export function compareResults(
  now: Results,
  { name, results: before }: Baseline,
  sensitivity: Sensitivity,
): Results {
  const rows = now.suites.flatMap((suite) => rowsOf(suite, sameSuite(suite, before.suites)))
  const deciding = rows.filter(({ figure }) => DECIDING.includes(figure.phase))
  const verdicts = verdictsOf(deciding, sensitivity)
  const parts = rows.filter(({ figure }) => !verdicts.has(figure))
  const changes = judgeEach(parts.map(({ comparison }) => comparison), sensitivity) // prettier-ignore
  for (const [index, { figure, suite }] of parts.entries()) {
    const [change, whole] = [changes[index], suite.figures.find(({ phase }) => phase === 'cold start')]
    if (change) verdicts.set(figure, asPartOf(change, whole && verdicts.get(whole)))
  }
  const compared = new Map(
    rows.map((row) => [row.figure, comparisonResults(row, verdicts.get(row.figure), sensitivity)]),
  )
  return {
    ...now,
    baseline: { name, createdAt: before.createdAt },
    suites: now.suites.map((suite) => ({
      ...suite,
      figures: suite.figures.map((figure) => withComparison(figure, compared.get(figure))),
    })),
  }
}

/** Strategies that share a checkpoint also share its dumps, so the same samples count as one row of the family. */
function verdictsOf(deciding: readonly Row[], sensitivity: Sensitivity): Map<MeasuredFigure, Change> {
  const family = new Map(deciding.map(({ comparison }) => [JSON.stringify(comparison), comparison]))
  const changes = judgeFamily([...family.values()], sensitivity)
  const byComparison = new Map([...family.keys()].map((key, index) => [key, changes[index]]))
  const verdicts = new Map<MeasuredFigure, Change>()
  for (const { figure, comparison } of deciding) {
    const change = byComparison.get(JSON.stringify(comparison))
    if (change) verdicts.set(figure, change)
  }
  return verdicts
}

function withComparison(figure: FigureResults, baseline: ComparisonResults | undefined): FigureResults {
  const { baseline: _, ...uncompared } = figure
  return baseline ? { ...uncompared, baseline } : uncompared
}

function rowsOf(suite: MeasuredSuite, before: SuiteResults | undefined): Row[] {
  if (!before) return []
  const note =
    before.baseImage === suite.baseImage ? '' : `; the baseline was measured with ${before.baseImage}`
  return suite.figures.flatMap((figure) => {
    const then = sampledOf(before, figure.phase)
    const now = sampledOf(suite, figure.phase)
    // A median of zero has no ratio. It happens with `lazy`, if no page is left to drain.
    if (then.taken === 0 || [...allSamples(then), ...allSamples(now)].includes(0)) return []
    const again = sampledOf(
      { control: suite.control, memoryControl: suite.memoryControl, ...againOf(suite) },
      figure.phase,
    )
    const bandFactor = bandFactorOf(figure.phase)
    const first = again.taken > 0 ? { before: then, now, bandFactor } : undefined
    return { suite, figure, comparison: { before: then, now: first ? again : now, bandFactor }, first, note }
  })
}

/** A phase that changed without the cold start has only moved its cost to another phase, or from one: it passes. */
function asPartOf(part: Change, whole: Change | undefined): Change {
  if (!isSuspect(part) || part.state === whole?.state) return part
  const coldStart = whole
    ? `the verdict on the cold start is ${whole.state}`
    : 'the baseline has no cold start'
  const reason = `${part.reason}, but ${coldStart}`
  return { ...part, state: 'pass', reason }
}

function comparisonResults(
  { comparison, first, note }: Row,
  change: Change | undefined,
  sensitivity: Sensitivity,
): ComparisonResults {
  if (!change) throw new Error('a row without a verdict')
  const { state, ratio, interval, confidence, machine, slope, reason } = change
  const suspected = first && judgeAlone(first, sensitivity)
  const retraction =
    suspected && !isSuspect(change) && isSuspect(suspected)
      ? `; the first measurement gave ${ratioWithInterval(suspected)}, which a second measurement did not confirm`
      : ''
  return {
    verdict: state,
    median: medianOf(allSamples(comparison.before)),
    n: allSamples(comparison.before).length,
    ratio,
    interval: [...interval],
    confidence,
    ...(machine !== undefined && { machine }),
    ...(slope !== undefined && { slope }),
    reason: `${reason}${retraction}${note}`,
    ...(suspected && { suspected: { ratio: suspected.ratio, interval: [...suspected.interval] } }),
  }
}

/**
 * The deciding phases that seem to have changed and must be measured a second time, by suite. `place` is where the suites
 * are declared.
 */
export function suspectsAmong(
  suites: readonly MeasuredSuite[],
  { results }: Baseline,
  sensitivity: Sensitivity,
  place: Pick<SuiteIdentity, 'file' | 'project'> = {},
): Map<MeasuredSuite, string[]> {
  const rows = suites
    .flatMap((suite) => rowsOf(suite, sameSuite({ ...suite, ...place }, results.suites)))
    .filter(({ figure }) => DECIDING.includes(figure.phase))
  const changes = judgeEach(rows.map(({ comparison }) => comparison), sensitivity) // prettier-ignore
  const suspects = rows.filter((_, index) => changes[index] && isSuspect(changes[index]))
  const groups = Map.groupBy(suspects, ({ suite }) => suite)
  return new Map([...groups].map(([suite, found]) => [suite, found.map(({ figure }) => figure.phase)]))
}
