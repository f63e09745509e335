import { medianOf, type Interval, type RatioOfMedians } from '../stats/bootstrap.ts'
import { holmLevels } from '../stats/family.ts'
import { formatMilliseconds, type Milliseconds } from '../units.ts'
import { ratioOf, type Ratio, type Sampled } from './sampled.ts'

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

/** Figures were seen to drift by half to one and a half times as much as the control: of more than this, too much is left. */
const DRIFT = 1.25

/** One row: the same phase of the same suite, then and now. */
export interface Pair {
  readonly before: Sampled
  readonly now: Sampled
  /** How many bands wide its own noise is; 1 when left out. */
  readonly bands?: number
}

/** A dump is one process's, whose memory lies elsewhere each time: the calibration shows how much wider it spreads. */
export const bandsOf = (phase: string): number => (phase === 'dump' ? 2 : 1)

export type ChangeState = 'pass' | 'regression' | 'improvement' | 'inconclusive'

/**
 * A verdict with its figures. `ratio` is that of the medians, now / before; `interval` is its interval at `confidence`.
 * Both are free of the machine's own drift where both sides have the same control.
 */
export interface Change {
  readonly state: ChangeState
  readonly ratio: number
  /** The ratio of the medians of the control. */
  readonly machine?: number
  readonly interval: Interval
  readonly confidence: number
  readonly reason: string
}

/** Verdicts of rows that decide together: the chance of one false alarm among all of them is ALPHA (Holm). */
export function judgeFamily(pairs: readonly Pair[], sensitivity: Sensitivity): Change[] {
  const ratios = pairs.map(({ before, now }) => ratioOf(before, now))
  const levels = holmLevels(
    ratios.map((ratio, index) => pValue(ratio, bandOf(pairs[index], sensitivity))),
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
  judgeAt(pair, ratioOf(pair.before, pair.now, resamples), ALPHA, sensitivity)

/** Whether a row is to be measured once more before it is believed. */
export const isSuspect = ({ state }: Change): boolean => state === 'regression' || state === 'improvement'

const bandOf = (pair: Pair | undefined, { band }: Sensitivity): number => band * (pair?.bands ?? 1)

/** Two-sided: that the true ratio is beyond the band, on either side of it. */
const pValue = (ratio: RatioOfMedians, band: number): number =>
  Math.min(1, 2 * Math.min(ratio.atMost(1 + band), ratio.atLeast(1 / (1 + band))))

function judgeAt(pair: Pair, found: Ratio, level: number, sensitivity: Sensitivity): Change {
  const confidence = 1 - level
  const interval = found.interval(confidence)
  const { ratio, machine } = found
  const figures = { ratio, interval, confidence, ...(machine !== undefined && { machine }) }
  const isPlain = interval[0] > LOAD || interval[1] < 1 / LOAD
  const doubt = (isPlain ? undefined : doubtOfMachine(machine)) ?? doubtOfNumber(pair)
  if (doubt !== undefined) return { ...figures, state: 'inconclusive', reason: doubt }
  const verdict = verdictOf(pair, figures, sensitivity)
  const disturbance = isPlain || verdict.state === 'pass' ? undefined : disturbanceOf(pair)
  return {
    ...figures,
    ...(disturbance === undefined ? verdict : { state: 'inconclusive', reason: disturbance }),
  }
}

const doubtOfMachine = (machine = 1): string | undefined =>
  machine > DRIFT || machine < 1 / DRIFT
    ? `the machine itself takes ${machine.toFixed(2)} × as long as then, more than can be taken out`
    : undefined

function doubtOfNumber({ before, now }: Pair): string | undefined {
  const n = Math.min(before.samples.length, now.samples.length)
  return n < ENOUGH ? `only ${n} samples on one side, ${ENOUGH} are needed` : undefined
}

/** Where more than a third of the samples were disturbed, so was the median. */
function disturbanceOf({ before, now }: Pair): string | undefined {
  const found = [now, before].find(({ samples, disturbed }) => disturbed > samples.length / 3)
  if (!found) return undefined
  const which = found === now ? 'the' : "the baseline's"
  return `${found.disturbed} of ${which} ${found.samples.length} samples were taken while the machine was busy or stolen from`
}

function verdictOf(
  pair: Pair,
  { ratio, interval: [low, high] }: Pick<Change, 'ratio' | 'interval'>,
  sensitivity: Sensitivity,
): Pick<Change, 'state' | 'reason'> {
  const band = bandOf(pair, sensitivity)
  const beyond = low > 1 + band ? 'regression' : high < 1 / (1 + band) ? 'improvement' : undefined
  const percent = `${(band * 100).toFixed(0)} %`
  if (!beyond && high >= EXCLUDED)
    return { state: 'inconclusive', reason: `the samples spread too much to exclude a ratio of ${EXCLUDED}` }
  if (!beyond) return { state: 'pass', reason: `not wholly beyond the noise band of ${percent}` }
  const difference = Math.abs(ratio - 1) * medianOf(pair.before.samples)
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
