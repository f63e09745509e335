import { DECIDING, type Results } from '../../reports/results.ts'
import { rowsOf } from '../../reports/rows.ts'

/** How a run ends. */
export type Outcome = 'pass' | 'miss' | 'regression' | 'inconclusive'

/**
 * Exit statuses. "inconclusive" is neither 1, so that CI can tell it from a failure, nor 2, which means wrong usage.
 */
export const STATUS: Readonly<Record<Outcome, number>> = { pass: 0, miss: 1, regression: 1, inconclusive: 3 }

/** The outcome of a run. A missed limit or a regression in any test fails the run. */
export function outcomeOf(results: Results): Outcome {
  const missed = rowsOf(results).some(({ figure }) => figure.verdict.state === 'miss')
  if (missed) return 'miss'
  return results.baseline ? comparisonOutcome(results) : 'pass'
}

/** The outcome of the comparison with a baseline. A deciding figure that the baseline lacks is inconclusive. */
export function comparisonOutcome(results: Results): Exclude<Outcome, 'miss'> {
  const deciding = rowsOf(results).filter(({ figure }) => DECIDING.includes(figure.phase))
  const found = new Set(deciding.map(({ figure }) => figure.baseline?.verdict ?? 'inconclusive'))
  return (['regression', 'inconclusive'] as const).find((verdict) => found.has(verdict)) ?? 'pass'
}
