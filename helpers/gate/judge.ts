import type { SuiteResults } from '../../reports/results.ts'
import { judgeByReference } from './reference.ts'
import { judgeByThreshold, type Thresholds } from './thresholds.ts'
import { judgeByTmpfs, type Ratios } from './tmpfs-comparison.ts'
import { ungated, type MeasuredFigure, type MeasuredSuite, type Verdict } from './verdict.ts'

export interface GateRules {
  /** The largest ratio to the reference that passes. */
  readonly tolerance: number
  readonly ratios: Ratios
  /** The suite's own limits, which come before the reference. */
  readonly thresholds?: Thresholds
}

/** The suites that a suite can be compared with. */
export interface Neighbours {
  /** The same with other strategies and CRIUs, measured in the same rounds. */
  readonly comparable: readonly MeasuredSuite[]
  /** The suites of the same run so far. */
  readonly sameRun: readonly MeasuredSuite[]
}

/**
 * Judges every figure of a suite when it ends: by the suite's own threshold, else by the reference, else by the same suite
 * on tmpfs. The verdict is stored in the figure; the assertion of `restoreSuite`, reports and the exit status only read it.
 * Two things replace it later: `judgeRun`, below, and a custom suite's assertion with limits of its own, such as
 * `toMeetReference({ tolerance: 1 })`.
 */
export const judgeSuite = (suite: MeasuredSuite, rules: GateRules, neighbours: Neighbours): SuiteResults => ({
  ...suite,
  figures: suite.figures.map((figure) => ({
    ...figure,
    verdict: verdictOf(suite, figure, rules, neighbours),
  })),
})

const verdictOf = (
  suite: MeasuredSuite,
  figure: MeasuredFigure,
  { tolerance, ratios, thresholds = {} }: GateRules,
  { comparable, sameRun }: Neighbours,
): Verdict =>
  judgeByThreshold(suite, figure, thresholds, comparable) ??
  judgeByReference(suite, figure, tolerance) ??
  judgeByTmpfs(suite, figure, ratios, sameRun) ??
  ungated('there is no figure to compare it with')

/**
 * At the end of a run, judges figures again that had nothing to compare with: tmpfs may have been measured later,
 * or by another file.
 */
export const judgeRun = (
  suites: readonly SuiteResults[],
  { ratios }: Pick<GateRules, 'ratios'>,
): SuiteResults[] =>
  suites.map((suite) => ({
    ...suite,
    figures: suite.figures.map((figure) =>
      figure.verdict.source === 'none'
        ? { ...figure, verdict: judgeByTmpfs(suite, figure, ratios, suites) ?? figure.verdict }
        : figure,
    ),
  }))
