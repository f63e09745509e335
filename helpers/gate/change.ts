import { medianOf, ratioOfMedians, type Interval, type RatioOfMedians } from '../stats/bootstrap.ts'
import { holmLevels } from '../stats/family.ts'
import { formatMilliseconds, type Milliseconds } from '../units.ts'

/** What counts as a change against a baseline; `npm run calibrate` shows what these find and what they let pass. */
export interface Sensitivity {
  /** Ratios up to 1 + band, and down to its inverse, are what two runs of the same thing may differ by. */
  readonly band: number
  /** A difference of medians of less than this is none, ms. */
  readonly floor: Milliseconds
}

/** The probability of even one false alarm among all rows that decide a run. */
export const ALPHA = 0.05
/** Fewer samples on one side give no verdict. */
export const ENOUGH = 10
/** "pass" says that a slow-down of this ratio is excluded: where it is not, the samples say too little. */
export const EXCLUDED = 1.2

/** A machine busy with other things was seen to make cold starts three times slower: more than this is not that alone. */
const LOAD = 4

export interface Sampled {
  readonly samples: readonly Milliseconds[]
  /** How many of them were taken while the machine did something else as well. */
  readonly disturbed: number
}

/** One row: the same phase of the same suite, then and now. */
export interface Pair {
  readonly before: Sampled
  readonly now: Sampled
}

export type ChangeState = 'pass' | 'regression' | 'improvement' | 'inconclusive'

/** A verdict with its figures; `interval` is that of the ratio of medians, now / before, at `confidence`. */
export interface Change {
  readonly state: ChangeState
  readonly ratio: number
  readonly interval: Interval
  readonly confidence: number
  readonly reason: string
}

/** Verdicts of rows that decide together: the chance of one false alarm among all of them is ALPHA (Holm). */
export function judgeFamily(pairs: readonly Pair[], sensitivity: Sensitivity): Change[] {
  const ratios = pairs.map(({ before, now }) => ratioOfMedians(before.samples, now.samples))
  const levels = holmLevels(
    ratios.map((ratio) => pValue(ratio, sensitivity)),
    ALPHA,
  )
  return pairs.map((pair, index) => {
    const ratio = ratios[index]
    if (!ratio) throw new Error('a row without a ratio')
    return judgeAt(pair, ratio, levels[index] ?? ALPHA, sensitivity)
  })
}

/** The verdict of one row by itself, at 95 %. */
export const judgeAlone = (pair: Pair, sensitivity: Sensitivity, resamples?: number): Change =>
  judgeAt(pair, ratioOfMedians(pair.before.samples, pair.now.samples, resamples), ALPHA, sensitivity)

/** Whether a row is to be measured once more before it is believed. */
export const isSuspect = ({ state }: Change): boolean => state === 'regression' || state === 'improvement'

/** Two-sided: that the true ratio is beyond the band, on either side of it. */
const pValue = (ratio: RatioOfMedians, { band }: Sensitivity): number =>
  Math.min(1, 2 * Math.min(ratio.atMost(1 + band), ratio.atLeast(1 / (1 + band))))

function judgeAt(pair: Pair, bootstrapped: RatioOfMedians, level: number, sensitivity: Sensitivity): Change {
  const confidence = 1 - level
  const interval = bootstrapped.interval(confidence)
  const { ratio } = bootstrapped
  return { ratio, interval, confidence, ...stateOf(pair, ratio, interval, sensitivity) }
}

function stateOf(
  { before, now }: Pair,
  ratio: number,
  [low, high]: Interval,
  { band, floor }: Sensitivity,
): Pick<Change, 'state' | 'reason'> {
  const n = Math.min(before.samples.length, now.samples.length)
  if (n < ENOUGH)
    return { state: 'inconclusive', reason: `only ${n} samples on one side, ${ENOUGH} are needed` }
  const beyond = low > 1 + band ? 'regression' : high < 1 / (1 + band) ? 'improvement' : undefined
  const percent = `${(band * 100).toFixed(0)} %`
  if (!beyond && high >= EXCLUDED)
    return { state: 'inconclusive', reason: `the samples spread too much to exclude a ratio of ${EXCLUDED}` }
  if (!beyond) return { state: 'pass', reason: `not wholly beyond the noise band of ${percent}` }
  const difference = Math.abs(ratio - 1) * medianOf(before.samples)
  if (difference < floor) {
    const found = `${formatMilliseconds(difference)} ms, below the floor of ${floor} ms`
    return { state: 'pass', reason: `beyond the noise band of ${percent}, but the difference is ${found}` }
  }
  const isBeyondLoad = low > LOAD || high < 1 / LOAD
  const disturbed = isBeyondLoad ? undefined : [now, before].find(isDisturbed)
  if (!disturbed)
    return { state: beyond, reason: `the whole interval is beyond the noise band of ${percent}` }
  const which = disturbed === now ? 'the' : "the baseline's"
  const share = `${disturbed.disturbed} of ${which} ${disturbed.samples.length} samples`
  return { state: 'inconclusive', reason: `${share} were taken while the machine was busy or stolen from` }
}

/** Where more than a third of the samples were disturbed, so was the median. */
const isDisturbed = ({ samples, disturbed }: Sampled): boolean => disturbed > samples.length / 3

/** "1.12 × (95.0 % interval 1.08 to 1.16)". */
export const figuresOf = ({
  ratio,
  interval,
  confidence,
}: Pick<Change, 'ratio' | 'interval' | 'confidence'>): string =>
  `${ratio.toFixed(2)} × (${(confidence * 100).toFixed(1)} % interval ${interval[0].toFixed(2)} to ${interval[1].toFixed(2)})`
