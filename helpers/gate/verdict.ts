import { formatMilliseconds, formatSize, type Milliseconds } from '../units.ts'
import { referenceFor, type Subject } from './reference.ts'

/** What is held against the reference: the median of one phase of one suite. */
export interface Measured extends Subject {
  readonly phase: string
  readonly median: Milliseconds
  readonly n: number
}

/** `ratio` is median / reference. No reference, no verdict: "ungated" is said, never passed. */
export type Verdict =
  | {
      readonly state: 'pass' | 'miss'
      readonly reference: Milliseconds
      readonly ratio: number
      readonly tolerance: number
    }
  | { readonly state: 'ungated' }

/** A median may be at most `tolerance` times the reference's figure. */
export function judge(measured: Measured, tolerance: number): Verdict {
  const reference = referenceFor(measured, measured.phase)
  if (reference === undefined) return { state: 'ungated' }
  const ratio = measured.median / reference
  return { state: ratio <= tolerance ? 'pass' : 'miss', reference, ratio, tolerance }
}

/** One sentence with every figure of a verdict. */
export function explain(measured: Measured, verdict: Verdict): string {
  const { filesystem, size, strategy, phase, median, n } = measured
  const subject = `${filesystem} ${formatSize(size)} ${strategy} > ${phase}: median ${formatMilliseconds(median)} ms (n=${n})`
  if (verdict.state === 'ungated') return `${subject}; the reference has no figure for it`
  const { reference, ratio, tolerance, state } = verdict
  const relation = state === 'pass' ? 'within' : 'beyond'
  return `${subject} is ${ratio.toFixed(2)} × the reference's ${reference} ms, ${relation} the tolerance of ${tolerance} ×`
}
