import type { StrategyName } from '../config/names.ts'
import { CriuBenchError } from '../errors.ts'
import type { Milliseconds } from '../units.ts'
import { judgeMedian, ungated, type MeasuredFigure, type MeasuredSuite, type Verdict } from './verdict.ts'

/** The largest allowed median of a phase: in ms, or as a multiple of that of another strategy, or CRIU, in the same rounds. */
export type Threshold = Milliseconds | { readonly times: number; readonly of: StrategyName | (string & {}) }
/** Thresholds by phase. */
export type Thresholds = Readonly<Record<string, Threshold | undefined>>

/** The verdict on a median by the suite's own threshold, or undefined if the suite has none for the phase. */
export function judgeByThreshold(
  suite: MeasuredSuite,
  { phase, median }: Pick<MeasuredFigure, 'phase' | 'median'>,
  thresholds: Thresholds,
  comparable: readonly MeasuredSuite[],
): Verdict | undefined {
  const threshold = thresholds[phase]
  if (threshold === undefined) return undefined
  if (typeof threshold === 'number')
    return judgeMedian(median, { source: 'threshold', reference: threshold, tolerance: 1 })
  const { times: tolerance, of } = threshold
  if (of === suite.strategy || of === suite.criu?.name) return undefined
  const reference = comparable
    .find((other) => isOf(of, other, suite))
    ?.figures.find((figure) => figure.phase === phase)?.median
  return reference === undefined
    ? ungated(`the threshold is ${tolerance} × ${of}, but ${of} was not measured in this run`, 'threshold')
    : judgeMedian(median, { source: 'threshold', reference, tolerance, of })
}

/** The same with the strategy `of`, or with the CRIU `of`. */
const isOf = (of: string, other: MeasuredSuite, { strategy, criu }: MeasuredSuite): boolean =>
  other.strategy === of
    ? other.criu?.name === criu?.name
    : other.criu?.name === of && other.strategy === strategy

/** Throws CriuBenchError for a threshold that can never apply: its phase, strategy or CRIU is not measured. */
export function checkThresholds(
  thresholds: Thresholds,
  {
    phases,
    strategies,
    crius = [],
  }: { phases: readonly string[]; strategies: readonly string[]; crius?: readonly string[] },
): void {
  const names = [...strategies, ...crius]
  for (const [phase, threshold] of Object.entries(thresholds)) {
    const of = typeof threshold === 'object' ? threshold.of : undefined
    if (phases.includes(phase) && (of === undefined || names.includes(of))) continue
    const isPhase = phases.includes(phase)
    throw new CriuBenchError({
      failed: `cannot use the threshold for "${phase}"`,
      found: isPhase
        ? `the strategy${crius.length > 0 ? ' or CRIU' : ''} "${of}", which this suite does not measure`
        : 'a name that is no phase of this suite',
      expected: `one of ${[...new Set(isPhase ? names : phases)].join(', ')}`,
      fix: 'correct thresholds in restoreSuite({ … })',
    })
  }
}
