import { CriuBenchError } from '../errors.ts'
import type { Milliseconds } from '../units.ts'
import { judgeMedian, ungated, type MeasuredFigure, type MeasuredSuite, type Verdict } from './verdict.ts'

/** The largest median of a phase: ms, or a multiple of another strategy's median in the same rounds. */
export type Threshold = Milliseconds | { readonly times: number; readonly of: string }
/** By phase. */
export type Thresholds = Readonly<Record<string, Threshold | undefined>>

/** The judgement of a median by the suite's own threshold. `beside` are the suites of the same checkpoint. */
export function judgeByThreshold(
  suite: MeasuredSuite,
  { phase, median }: Pick<MeasuredFigure, 'phase' | 'median'>,
  thresholds: Thresholds,
  beside: readonly MeasuredSuite[],
): Verdict | undefined {
  const threshold = thresholds[phase]
  if (threshold === undefined) return undefined
  if (typeof threshold === 'number')
    return judgeMedian(median, { source: 'threshold', reference: threshold, tolerance: 1 })
  const { times: tolerance, of } = threshold
  if (of === suite.strategy) return undefined
  const reference = beside
    .find(({ strategy }) => strategy === of)
    ?.figures.find((figure) => figure.phase === phase)?.median
  return reference === undefined
    ? ungated(`at most ${tolerance} × ${of} is allowed, and ${of} was not measured in this run`, 'threshold')
    : judgeMedian(median, { source: 'threshold', reference, tolerance, of })
}

/** Refuses a threshold that would compare nothing: a misspelt phase, or a strategy that is not measured beside it. */
export function checkThresholds(
  thresholds: Thresholds,
  { phases, strategies }: { phases: readonly string[]; strategies: readonly string[] },
): void {
  for (const [phase, threshold] of Object.entries(thresholds)) {
    const of = typeof threshold === 'object' ? threshold.of : undefined
    if (phases.includes(phase) && (of === undefined || strategies.includes(of))) continue
    throw new CriuBenchError({
      failed: `cannot use the threshold of "${phase}"`,
      found: phases.includes(phase) ? `"${of}", which this suite does not measure` : 'no phase of that name',
      expected: `one of ${[...new Set(phases.includes(phase) ? strategies : phases)].join(', ')}`,
      fix: 'correct thresholds in restoreSuite({ … })',
    })
  }
}
