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

/** What a suite can be compared with. */
export interface Neighbours {
  /** The suites of the same checkpoint, measured in the same rounds. */
  readonly beside: readonly MeasuredSuite[]
  /** The suites of the same run so far. */
  readonly sameRun: readonly MeasuredSuite[]
}

/**
 * Judges every figure of a suite: by its own threshold, else by the reference, else by the same suite on tmpfs. This is
 * the one judgement of a run: it is stored in the results, and matchers, reports and the exit status read it there.
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
  { beside, sameRun }: Neighbours,
): Verdict =>
  judgeByThreshold(suite, figure, thresholds, beside) ??
  judgeByReference(suite, figure, tolerance) ??
  judgeByTmpfs(suite, figure, ratios, sameRun) ??
  ungated('there is no figure to compare it with')

/** Judges at the end of a run what had no figure to compare with before: tmpfs may be measured later, or by another file. */
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
