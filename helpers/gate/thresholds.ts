import { CriuBenchError } from '../errors.ts'
import type { Milliseconds } from '../units.ts'
import { judgeMedian, ungated, type MeasuredFigure, type MeasuredSuite, type Verdict } from './verdict.ts'

/** The largest allowed median of a phase: in ms, or as a multiple of another strategy's median in the same rounds. */
export type Threshold = Milliseconds | { readonly times: number; readonly of: string }
/** Thresholds by phase. */
export type Thresholds = Readonly<Record<string, Threshold | undefined>>

/** The verdict on a median by the suite's own threshold, or undefined if the suite has none for the phase. */
export function judgeByThreshold(
  suite: MeasuredSuite,
  { phase, median }: Pick<MeasuredFigure, 'phase' | 'median'>,
  thresholds: Thresholds,
  sameCheckpoint: readonly MeasuredSuite[],
): Verdict | undefined {
  const threshold = thresholds[phase]
  if (threshold === undefined) return undefined
  if (typeof threshold === 'number')
    return judgeMedian(median, { source: 'threshold', reference: threshold, tolerance: 1 })
  const { times: tolerance, of } = threshold
  if (of === suite.strategy) return undefined
  const reference = sameCheckpoint
    .find(({ strategy }) => strategy === of)
    ?.figures.find((figure) => figure.phase === phase)?.median
  return reference === undefined
    ? ungated(`the threshold is ${tolerance} × ${of}, but ${of} was not measured in this run`, 'threshold')
    : judgeMedian(median, { source: 'threshold', reference, tolerance, of })
}

/** Throws CriuBenchError for a threshold that can never apply: its phase or its strategy is not measured. */
export function checkThresholds(
  thresholds: Thresholds,
  { phases, strategies }: { phases: readonly string[]; strategies: readonly string[] },
): void {
  for (const [phase, threshold] of Object.entries(thresholds)) {
    const of = typeof threshold === 'object' ? threshold.of : undefined
    if (phases.includes(phase) && (of === undefined || strategies.includes(of))) continue
    const isPhase = phases.includes(phase)
    throw new CriuBenchError({
      failed: `cannot use the threshold for "${phase}"`,
      found: isPhase
        ? `the strategy "${of}", which this suite does not measure`
        : 'a name that is no phase of this suite',
      expected: `one of ${[...new Set(isPhase ? strategies : phases)].join(', ')}`,
      fix: 'correct thresholds in restoreSuite({ … })',
    })
  }
}
