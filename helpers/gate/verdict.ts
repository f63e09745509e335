import type { FigureResults, SuiteResults, VerdictResults } from '../../reports/results.ts'
import { formatMilliseconds } from '../units.ts'

/** A figure before it is judged. */
export type MeasuredFigure = Omit<FigureResults, 'verdict' | 'baseline'>
/** A suite whose figures are not judged yet. */
export type MeasuredSuite = Omit<SuiteResults, 'figures'> & { readonly figures: readonly MeasuredFigure[] }

export type Verdict = VerdictResults

/** The figure that a median is compared with, and the largest ratio to it that passes. */
export interface Limit {
  readonly source: Exclude<Verdict['source'], 'none'>
  /** ms. */
  readonly reference: number
  readonly tolerance: number
  /** The strategy that `reference` was measured with. */
  readonly of?: string
}

/** Judges a median, in ms. It passes if it is at most `tolerance` times the reference. */
export function judgeMedian(median: number, limit: Limit): Verdict {
  const { source, reference, tolerance, of } = limit
  const ratio = median / reference
  const state = ratio <= tolerance ? 'pass' : 'miss'
  const relation = `${state === 'pass' ? 'within' : 'beyond'} ${LIMITS[source]} of ${tolerance} ×`
  const reason = `${ratio.toFixed(2)} × ${nameOf(limit)}, ${relation}`
  return { source, state, reason, reference, ratio, tolerance, ...(of !== undefined && { of }) }
}

const LIMITS: Readonly<Record<Limit['source'], string>> = {
  reference: 'the tolerance',
  tmpfs: 'the ratio',
  threshold: 'the threshold',
}

/** Figures from the reference or from the user are shown as written. Measured figures are rounded. */
function nameOf({ source, reference, of }: Limit): string {
  if (source === 'reference') return `the reference's ${reference} ms`
  if (source === 'tmpfs') return `the ${formatMilliseconds(reference)} ms on tmpfs in the same run`
  return of === undefined ? `the allowed ${reference} ms` : `the ${formatMilliseconds(reference)} ms of ${of}`
}

/** The verdict on a figure without a limit. It is reported as "ungated", never as a pass. */
export const ungated = (reason: string, source: Verdict['source'] = 'none'): Verdict => ({
  source,
  state: 'ungated',
  reason,
})
