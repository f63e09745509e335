import { medianOf, type Interval } from '../stats/bootstrap.ts'
import { holmLevels } from '../stats/family.ts'
import { formatMilliseconds, type Milliseconds } from '../units.ts'
import { effectsOf, type Effect } from './effect.ts'
import { allSamples, MIN_SAMPLES, type Sampled } from './sampled.ts'

/** What counts as a change against a baseline. `npm run calibrate` shows which changes these limits find. */
export interface Sensitivity {
  /** Ratios from 1 / (1 + band) to 1 + band are noise: two runs of the same code may differ by so much. */
  readonly band: number
  /** Smaller differences of medians are noise, ms. */
  readonly floor: Milliseconds
  /**
   * How much the medians of set-ups of the same code differ, as a share, as far as it is known beforehand: their
   * standard deviation.
   */
  readonly spread: number
}

/** The probability of any false alarm among all rows that decide a run. */
export const ALPHA = 0.05
/**
 * A "pass" excludes a slowdown by this ratio, with a probability of 95 %. If the runs differ too much for that, the
 * verdict is "inconclusive".
 */
const EXCLUDED_RATIO = 1.2
/** From so many set-ups on each side, dumps and rewrites must exclude the same slowdown as cold starts. */
const FULL_SET_UPS = 3

/** Load from other programs made cold starts up to three times slower. A larger ratio than this has another cause. */
const LOAD_RATIO = 4

/** One row: the same phase of the same suite in the baseline and in this run. */
export interface Comparison {
  readonly before: Sampled
  readonly now: Sampled
  /** The factor that widens the noise band and the expected spread for this phase. Default: 1. */
  readonly bandFactor?: number
}

/**
 * Each set-up dumps a process of its own, with its own layout of memory, so dumps and rewrites differ more between
 * set-ups.
 */
export const bandFactorOf = (phase: string): number => (phase === 'dump' || phase === 'rewrite' ? 2 : 1)

export type ChangeState = 'pass' | 'regression' | 'improvement' | 'inconclusive'

/**
 * A verdict with its figures. `ratio` is median now / median before; `interval` is its interval at `confidence`. Both
 * are without the drift of the machine, as far as the row follows it.
 */
export interface Change extends Pick<Effect, 'raw' | 'ratio' | 'machine' | 'slope'> {
  readonly state: ChangeState
  readonly interval: Interval
  readonly confidence: number
  readonly reason: string
}

/**
 * Judges rows that decide a run together: the probability of any false alarm among them is ALPHA (Holm's procedure).
 */
export const judgeFamily = (comparisons: readonly Comparison[], sensitivity: Sensitivity): Change[] =>
  judgeWith(comparisons, sensitivity, (pValues) => holmLevels(pValues, ALPHA))

/** Judges each row of a run by itself, with an interval of 95 %. */
export const judgeEach = (comparisons: readonly Comparison[], sensitivity: Sensitivity): Change[] =>
  judgeWith(comparisons, sensitivity, (pValues) => pValues.map(() => ALPHA))

function judgeWith(
  comparisons: readonly Comparison[],
  sensitivity: Sensitivity,
  levelsOf: (pValues: readonly number[]) => number[],
): Change[] {
  const limits = comparisons.map((comparison) => limitsOf(comparison, sensitivity))
  const effects = effectsOf(comparisons, limits.map(({ spread }) => spread)) // prettier-ignore
  const levels = levelsOf(effects.map(({ pValue }) => pValue))
  return comparisons.flatMap((comparison, index) => {
    const [effect, limit] = [effects[index], limits[index]]
    return effect && limit ? [judgeAt(comparison, effect, levels[index] ?? ALPHA, limit)] : []
  })
}

/** Judges one row by itself, without what other rows show about the machine. */
export function judgeAlone(comparison: Comparison, sensitivity: Sensitivity): Change {
  const [change] = judgeEach([comparison], sensitivity)
  if (!change) throw new Error('a row without a verdict')
  return change
}

/** Whether a row must be measured a second time before the verdict counts. */
export const isSuspect = ({ state }: Change): boolean => state === 'regression' || state === 'improvement'

/** The limits of one row. */
interface Limits extends Sensitivity {
  readonly excluded: number
}

function limitsOf({ before, now, bandFactor = 1 }: Comparison, { band, floor, spread }: Sensitivity): Limits {
  const isFull = [before, now].every(({ setUps }) => setUps.length >= FULL_SET_UPS)
  const excluded = isFull ? EXCLUDED_RATIO : 1 + (EXCLUDED_RATIO - 1) * bandFactor
  return { band: band * bandFactor, floor, spread: spread * bandFactor, excluded }
}

function judgeAt(comparison: Comparison, effect: Effect, level: number, limits: Limits): Change {
  const confidence = 1 - level
  const interval = effect.interval(confidence)
  const { raw, ratio, machine, slope } = effect
  const figures = {
    raw,
    ratio,
    interval,
    confidence,
    ...(machine !== undefined && { machine }),
    ...(slope !== undefined && { slope }),
  }
  const few = doubtOfNumber(comparison)
  if (few !== undefined) return { ...figures, state: 'inconclusive', reason: few }
  const verdict = verdictOf(comparison, effect, interval, limits)
  const isBeyondLoad = interval[0] > LOAD_RATIO || interval[1] < 1 / LOAD_RATIO
  const disturbance = isBeyondLoad || verdict.state === 'pass' ? undefined : disturbanceOf(comparison)
  return {
    ...figures,
    ...(disturbance === undefined ? verdict : { state: 'inconclusive', reason: disturbance }),
  }
}

function doubtOfNumber({ before, now }: Comparison): string | undefined {
  const n = Math.min(allSamples(before).length, allSamples(now).length)
  return n < MIN_SAMPLES ? `only ${n} samples on one side; at least ${MIN_SAMPLES} are needed` : undefined
}

/** If too few samples were left undisturbed, no median can be trusted. */
function disturbanceOf({ before, now }: Comparison): string | undefined {
  const found = [now, before].find(({ isDoubtful }) => isDoubtful)
  if (!found) return undefined
  const which = found === now ? 'the' : "the baseline's"
  return `${found.disturbed} of ${which} ${found.taken} samples were taken while other programs or virtual machines used the processor`
}

type Verdict = Pick<Change, 'state' | 'reason'>

function verdictOf(comparison: Comparison, effect: Effect, [low, high]: Interval, limits: Limits): Verdict {
  const { band, floor } = limits
  const { raw, ratio } = effect
  const percent = `${(band * 100).toFixed(0)} %`
  const side = low > 1 ? 'regression' : high < 1 ? 'improvement' : undefined
  if (!side) return passOr(effect, limits, 'the interval includes 1')
  const outside = (of: number) => (side === 'regression' ? of > 1 + band : of < 1 / (1 + band))
  if (!outside(ratio)) return passOr(effect, limits, `the ratio is within the noise band of ${percent}`)
  const difference = Math.abs(ratio - 1) * medianOf(allSamples(comparison.before))
  const found = `${formatMilliseconds(difference)} ms, below the floor of ${floor} ms`
  if (difference < floor)
    return { state: 'pass', reason: `beyond the noise band of ${percent}, but the difference is ${found}` }
  if (!outside(raw)) return machineChanged(effect)
  return {
    state: side,
    reason: `the interval excludes 1, and the ratio is beyond the noise band of ${percent}`,
  }
}

/** A correction may take a difference away. It never makes one. */
const machineChanged = ({ raw, control = 1 }: Effect): Verdict => ({
  state: 'inconclusive',
  reason: `the machine changed: the control took ${control.toFixed(2)} × as long as in the baseline, and the samples as measured ${raw.toFixed(2)} ×`,
})

/** No difference was found. That is a pass if the runs would have shown one. */
function passOr(effect: Effect, { excluded }: Limits, reason: string): Verdict {
  const [, high] = effect.interval(1 - 2 * (1 - EXCLUSION))
  if (high < excluded)
    return { state: 'pass', reason: `${reason}, and a slowdown of ${excluded} × is excluded` }
  return { state: 'inconclusive', reason: `the runs differ too much to exclude a ratio of ${excluded}` }
}

/** The probability with which a pass excludes a slowdown. */
const EXCLUSION = 0.95

/** "1.12 × (95.0 % interval 1.08 to 1.16)". */
export const ratioWithInterval = ({
  ratio,
  interval,
  confidence,
}: Pick<Change, 'ratio' | 'interval' | 'confidence'>): string =>
  `${ratio.toFixed(2)} × (${(confidence * 100).toFixed(1)} % interval ${interval[0].toFixed(2)} to ${interval[1].toFixed(2)})`
