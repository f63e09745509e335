import type { BenchResult } from 'vitest'
import { nameOf, subjectOf } from '../../reports/rows.ts'
import { judgeByReference } from '../gate/reference.ts'
import { ungated, type Verdict } from '../gate/verdict.ts'

declare module 'vitest' {
  interface Matchers<R, T> {
    /** The median passes the gate: the suite's threshold, else the reference, else the ratio to tmpfs, if any. */
    toPassGate: () => R
    /** The median is at most `tolerance` times the reference's figure. The default is the option `tolerance`. */
    toMeetReference: (options?: { tolerance?: number }) => R
    /** The median is at most so many times tmpfs's median of the same run as the option `ratios` says. */
    toKeepUpWithTmpfs: () => R
  }
}

interface MatcherResult {
  pass: boolean
  message: () => string
}

type PhaseResult = Required<Pick<BenchResult, 'criu'>>

/** Implements `expect(result).toPassGate()`. Ungated figures pass. */
export function toPassGate(received: unknown): MatcherResult {
  if (!isPhaseResult(received)) return notAPhaseResult('toPassGate')
  const { verdict } = received.criu.figure
  return { pass: verdict.state !== 'miss', message: () => messageFor(received, verdict) }
}

/**
 * Implements `expect(result).toMeetReference()`. Fails if the reference has no figure. The verdict replaces the stored
 * one, unless the assertion is negated, so that the results agree with the test.
 */
export function toMeetReference(
  received: unknown,
  { tolerance, isNot }: { tolerance: number; isNot: boolean },
): MatcherResult {
  if (!isPhaseResult(received)) return notAPhaseResult('toMeetReference')
  const { figure } = received.criu
  const verdict = judgeByReference(received.criu, figure, tolerance)
  if (!verdict)
    return { pass: false, message: () => messageFor(received, ungated('the reference has no figure for it')) }
  if (!isNot) figure.verdict = verdict
  return { pass: verdict.state === 'pass', message: () => messageFor(received, verdict) }
}

/** Implements `expect(result).toKeepUpWithTmpfs()`. Passes a phase without a ratio. Fails if tmpfs was not measured. */
export function toKeepUpWithTmpfs(
  received: unknown,
  ratios: Readonly<Record<string, number>>,
): MatcherResult {
  if (!isPhaseResult(received)) return notAPhaseResult('toKeepUpWithTmpfs')
  const { verdict, phase } = received.criu.figure
  if (verdict.source === 'tmpfs')
    return { pass: verdict.state === 'pass', message: () => messageFor(received, verdict) }
  const missing = ungated('this run has no figure on tmpfs, or no ratio for the phase')
  return { pass: ratios[phase] === undefined, message: () => messageFor(received, missing) }
}

const messageFor = ({ criu: { figure, ...suite } }: PhaseResult, { reason }: Verdict): string =>
  `${subjectOf(`${nameOf(suite)} > ${figure.phase}`, figure)}; ${reason}`

const notAPhaseResult = (matcher: string): MatcherResult => ({
  pass: false,
  message: () => `${matcher}() takes the result of bench(phase, checkpointed(benchmarkCase)).run()`,
})

const isPhaseResult = (received: unknown): received is PhaseResult =>
  typeof received === 'object' && received !== null && 'criu' in received && 'latency' in received
