import { medianOf, type Interval, type RatioOfMedians } from '../stats/bootstrap.ts'
import { holmLevels } from '../stats/family.ts'
import { formatMilliseconds, type Milliseconds } from '../units.ts'
import { ratioOf, type Ratio, type Sampled } from './sampled.ts'

/** What counts as a change against a baseline. `npm run calibrate` shows which changes these limits find. */
export interface Sensitivity {
  /** Ratios from 1 / (1 + band) to 1 + band are noise: two runs of the same code may differ by so much. */
  readonly band: number
  /** Smaller differences of medians are noise, ms. */
  readonly floor: Milliseconds
}

/** The probability of any false alarm among all rows that decide a run. */
export const ALPHA = 0.05
/** Fewer samples on one side give no verdict. */
export const MIN_SAMPLES = 10
/**
 * A "pass" excludes a slowdown by this ratio. If the samples spread too much for that, the verdict is "inconclusive".
 */
export const EXCLUDED_RATIO = 1.2

/** Load from other programs made cold starts up to three times slower. A larger ratio than this has another cause. */
const LOAD_RATIO = 4

/**
 * The control can drift by this ratio at most. Figures drift by half to one and a half times as much as the control, so
 * the correction for a larger drift would leave too large an error.
 */
const MAX_DRIFT = 1.25

/** One row: the same phase of the same suite in the baseline and in this run. */
export interface Comparison {
  readonly before: Sampled
  readonly now: Sampled
  /** The factor that widens the noise band for this phase. Default: 1. */
  readonly bandFactor?: number
}

/** All dumps of a run are of one process, with its own layout of memory, so dumps differ more from run to run. */
export const bandFactorOf = (phase: string): number => (phase === 'dump' ? 2 : 1)

export type ChangeState = 'pass' | 'regression' | 'improvement' | 'inconclusive'

/**
 * A verdict with its figures. `ratio` is median now / median before; `interval` is its interval at `confidence`. Both
 * are corrected for the drift of the machine if both sides have the same control.
 */
export interface Change {
  readonly state: ChangeState
  readonly ratio: number
  /** The drift: median of the control now / before. */
  readonly machine?: number
  readonly interval: Interval
  readonly confidence: number
  readonly reason: string
}

/**
 * Judges rows that decide a run together: the probability of any false alarm among them is ALPHA (Holm's procedure).
 */
export function judgeFamily(comparisons: readonly Comparison[], sensitivity: Sensitivity): Change[] {
  const ratios = comparisons.map(({ before, now }) => ratioOf(before, now))
  const levels = holmLevels(
    ratios.map((ratio, index) => pValue(ratio, bandOf(comparisons[index], sensitivity))),
    ALPHA,
  )
  return comparisons.map((comparison, index) => {
    const ratio = ratios[index]
    if (!ratio) throw new Error('a row without a ratio')
    return judgeAt(comparison, ratio, levels[index] ?? ALPHA, sensitivity)
  })
}

/** Judges one row by itself, with an interval of 95 %. */
export const judgeAlone = (comparison: Comparison, sensitivity: Sensitivity, resamples?: number): Change =>
  judgeAt(comparison, ratioOf(comparison.before, comparison.now, resamples), ALPHA, sensitivity)

/** Whether a row must be measured a second time before the verdict counts. */
export const isSuspect = ({ state }: Change): boolean => state === 'regression' || state === 'improvement'

const bandOf = (comparison: Comparison | undefined, { band }: Sensitivity): number =>
  band * (comparison?.bandFactor ?? 1)

/** Two-sided p-value of the hypothesis that the true ratio is within the band. */
const pValue = (ratio: RatioOfMedians, band: number): number =>
  Math.min(1, 2 * Math.min(ratio.atMost(1 + band), ratio.atLeast(1 / (1 + band))))

function judgeAt(comparison: Comparison, found: Ratio, level: number, sensitivity: Sensitivity): Change {
  const confidence = 1 - level
  const interval = found.interval(confidence)
  const { ratio, machine } = found
  const figures = { ratio, interval, confidence, ...(machine !== undefined && { machine }) }
  const isBeyondLoad = interval[0] > LOAD_RATIO || interval[1] < 1 / LOAD_RATIO
  const doubt = (isBeyondLoad ? undefined : doubtOfMachine(machine)) ?? doubtOfNumber(comparison)
  if (doubt !== undefined) return { ...figures, state: 'inconclusive', reason: doubt }
  const verdict = verdictOf(comparison, figures, sensitivity)
  const disturbance = isBeyondLoad || verdict.state === 'pass' ? undefined : disturbanceOf(comparison)
  return {
    ...figures,
    ...(disturbance === undefined ? verdict : { state: 'inconclusive', reason: disturbance }),
  }
}

const doubtOfMachine = (machine = 1): string | undefined =>
  machine > MAX_DRIFT || machine < 1 / MAX_DRIFT
    ? `the control took ${machine.toFixed(2)} × as long as in the baseline, too large a drift to correct for`
    : undefined

function doubtOfNumber({ before, now }: Comparison): string | undefined {
  const n = Math.min(before.samples.length, now.samples.length)
  return n < MIN_SAMPLES ? `only ${n} samples on one side; at least ${MIN_SAMPLES} are needed` : undefined
}

/** If more than a third of the samples were disturbed, the median cannot be trusted. */
function disturbanceOf({ before, now }: Comparison): string | undefined {
  const found = [now, before].find(({ samples, disturbed }) => disturbed > samples.length / 3)
  if (!found) return undefined
  const which = found === now ? 'the' : "the baseline's"
  return `${found.disturbed} of ${which} ${found.samples.length} samples were taken while other programs or virtual machines used the processor`
}

function verdictOf(
  comparison: Comparison,
  { ratio, interval: [low, high] }: Pick<Change, 'ratio' | 'interval'>,
  sensitivity: Sensitivity,
): Pick<Change, 'state' | 'reason'> {
  const band = bandOf(comparison, sensitivity)
  const beyond = low > 1 + band ? 'regression' : high < 1 / (1 + band) ? 'improvement' : undefined
  const percent = `${(band * 100).toFixed(0)} %`
  if (!beyond && high >= EXCLUDED_RATIO)
    return {
      state: 'inconclusive',
      reason: `the samples spread too much to exclude a ratio of ${EXCLUDED_RATIO}`,
    }
  if (!beyond)
    return { state: 'pass', reason: `the interval is not wholly beyond the noise band of ${percent}` }
  const difference = Math.abs(ratio - 1) * medianOf(comparison.before.samples)
  if (difference >= sensitivity.floor)
    return { state: beyond, reason: `the whole interval is beyond the noise band of ${percent}` }
  const found = `${formatMilliseconds(difference)} ms, below the floor of ${sensitivity.floor} ms`
  return { state: 'pass', reason: `beyond the noise band of ${percent}, but the difference is ${found}` }
}

/** "1.12 × (95.0 % interval 1.08 to 1.16)". */
export const figuresOf = ({
  ratio,
  interval,
  confidence,
}: Pick<Change, 'ratio' | 'interval' | 'confidence'>): string =>
  `${ratio.toFixed(2)} × (${(confidence * 100).toFixed(1)} % interval ${interval[0].toFixed(2)} to ${interval[1].toFixed(2)})`
