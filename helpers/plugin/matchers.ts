import type { BenchResult } from 'vitest'
import { nameOf, subjectOf } from '../../reports/rows.ts'
import { judgeByReference } from '../gate/reference.ts'
import { ungated, type Verdict } from '../gate/verdict.ts'

declare module 'vitest' {
  interface Matchers<R, T> {
    /** The median passes the gate: the suite's threshold, else the reference, else the ratio to tmpfs. */
    toPassGate: () => R
    /** The median of a phase is at most `tolerance` times the reference's figure for its filesystem and size. */
    toMeetReference: (options?: { tolerance?: number }) => R
    /** The median of a phase is at most the option `ratios` times that of tmpfs in the same run. */
    toKeepUpWithTmpfs: () => R
  }
}

interface Outcome {
  pass: boolean
  message: () => string
}

type PhaseResult = Required<Pick<BenchResult, 'criu'>>

/** `expect(result).toPassGate()`: passes as well where there is nothing to compare the figure with. */
export function toPassGate(received: unknown): Outcome {
  if (!isPhaseResult(received)) return notAPhase('toPassGate')
  const { verdict } = received.criu.figure
  return { pass: verdict.state !== 'miss', message: () => sentenceOf(received, verdict) }
}

/**
 * `expect(result).toMeetReference()`: fails as well where the reference has no figure. A tolerance of its own replaces the
 * stored verdict (unless it is negated), so that the results say what the test said.
 */
export function toMeetReference(
  received: unknown,
  { tolerance, isNot }: { tolerance: number; isNot: boolean },
): Outcome {
  if (!isPhaseResult(received)) return notAPhase('toMeetReference')
  const { figure } = received.criu
  const verdict = judgeByReference(received.criu, figure, tolerance)
  if (!verdict)
    return { pass: false, message: () => sentenceOf(received, ungated('the reference has no figure for it')) }
  if (!isNot) figure.verdict = verdict
  return { pass: verdict.state === 'pass', message: () => sentenceOf(received, verdict) }
}

/** `expect(result).toKeepUpWithTmpfs()`: passes a phase without a ratio, and fails where tmpfs was not measured. */
export function toKeepUpWithTmpfs(received: unknown, ratios: Readonly<Record<string, number>>): Outcome {
  if (!isPhaseResult(received)) return notAPhase('toKeepUpWithTmpfs')
  const { verdict, phase } = received.criu.figure
  if (verdict.source === 'tmpfs')
    return { pass: verdict.state === 'pass', message: () => sentenceOf(received, verdict) }
  const missing = ungated('this run has no figure or no ratio of tmpfs for it')
  return { pass: ratios[phase] === undefined, message: () => sentenceOf(received, missing) }
}

const sentenceOf = ({ criu: { figure, ...suite } }: PhaseResult, { reason }: Verdict): string =>
  `${subjectOf(`${nameOf(suite)} > ${figure.phase}`, figure)}; ${reason}`

const notAPhase = (matcher: string): Outcome => ({
  pass: false,
  message: () => `${matcher}() takes the result of bench(phase, checkpointed(benchmarkCase)).run()`,
})

const isPhaseResult = (received: unknown): received is PhaseResult =>
  typeof received === 'object' && received !== null && 'criu' in received && 'latency' in received
