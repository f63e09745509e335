import { judgeMedian, type MeasuredFigure, type MeasuredSuite, type Verdict } from './verdict.ts'

/** The filesystem of the reference. Suites on other filesystems are compared with the same suite on this one. */
const TMPFS = 'tmpfs'

/** The largest ratio to tmpfs's median of the same run, by phase. A phase without a ratio is not gated. */
export type Ratios = Readonly<Record<string, number>>

/**
 * The verdict on a median by the median of the same suite on tmpfs. Undefined for tmpfs itself, for cold suites, for
 * suites with a second host, for phases without a ratio, and if `suites` lacks the suite on tmpfs.
 */
export function judgeByTmpfs(
  suite: MeasuredSuite,
  { phase, median }: Pick<MeasuredFigure, 'phase' | 'median'>,
  ratios: Ratios,
  suites: readonly MeasuredSuite[],
): Verdict | undefined {
  const tolerance = ratios[phase]
  if (suite.filesystem === TMPFS || suite.cold || suite.hosts || tolerance === undefined) return undefined
  const reference = suites
    .find((other) => isSameOnTmpfs(other, suite))
    ?.figures.find((figure) => figure.phase === phase)?.median
  return reference === undefined ? undefined : judgeMedian(median, { source: 'tmpfs', reference, tolerance })
}

const isSameOnTmpfs = (other: MeasuredSuite, suite: MeasuredSuite): boolean =>
  other.filesystem === TMPFS &&
  !other.cold &&
  other.size === suite.size &&
  other.strategy === suite.strategy &&
  other.handler === suite.handler
