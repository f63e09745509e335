import type { BenchResult } from 'vitest'
import { explainByTmpfs, judgeByTmpfs, type Ratios } from '../gate/tmpfs-comparison.ts'
import { explain, judge, type Measured } from '../gate/verdict.ts'

declare module 'vitest' {
  interface Matchers<R, T> {
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

/** `expect(result).toMeetReference()`: fails as well where the reference has no figure to meet. */
export function toMeetReference(received: unknown, tolerance: number): Outcome {
  const measured = measuredOf(received)
  if (!measured) {
    return {
      pass: false,
      message: () => 'toMeetReference() takes the result of bench(phase, checkpointed(pair)).run()',
    }
  }
  const verdict = judge(measured, tolerance)
  return { pass: verdict.state === 'pass', message: () => explain(measured, verdict) }
}

/** `expect(result).toKeepUpWithTmpfs()`: passes a phase that has no ratio, and fails where tmpfs was not measured. */
export function toKeepUpWithTmpfs(received: unknown, ratios: Ratios): Outcome {
  const measured = measuredOf(received)
  if (!measured) return { pass: false, message: () => 'toKeepUpWithTmpfs() takes the result of bench(phase, checkpointed(pair)).run()' } // prettier-ignore
  const verdict = judgeByTmpfs(measured, ratios)
  const pass = verdict === undefined ? ratios[measured.phase] === undefined : verdict.state === 'pass'
  return { pass, message: () => explainByTmpfs(measured, verdict) }
}

function measuredOf(received: unknown): Measured | undefined {
  if (!isPhaseResult(received)) return undefined
  return { ...received.criu, median: received.latency.p50, n: received.latency.samplesCount }
}

const isPhaseResult = (received: unknown): received is Required<BenchResult> =>
  typeof received === 'object' && received !== null && 'criu' in received && 'latency' in received
