import { medianOf, varianceOfMedian, type Interval } from '../stats/bootstrap.ts'
import { runningMedian } from '../stats/running-median.ts'
import { meanOf, shrunk, slopeThroughOrigin, slopeWithin, type Slope } from '../stats/slope.ts'
import { studentCdf, studentQuantile } from '../stats/student.ts'
import { CONTROLS, type ControlKind, type Sampled, type SetUpSamples } from './sampled.ts'

/** The two sides of a row. */
export interface Sides {
  readonly before: Sampled
  readonly now: Sampled
}

/** How much slower a row has become, with its uncertainty. All ratios are now / before. */
export interface Effect {
  /** The ratio of the medians, as they were measured. */
  readonly raw: number
  /** The ratio without the drift of the machine. */
  readonly ratio: number
  /** The drift, raw / ratio. Missing if the sides have no control in common. */
  readonly machine?: number
  /** How much the row follows the control, from 0 to 1. */
  readonly slope?: number
  /** How much the control has changed. */
  readonly control?: number
  readonly interval: (confidence: number) => Interval
  /** The probability of a difference like this if nothing has changed. */
  readonly pValue: number
}

/** How well the spread of set-ups is known before a run shows it: as if from so many set-ups and one more. */
const PRIOR_DEGREES = 10

/** A row follows a control by 0, give or take this, as long as nothing shows how much. */
const PRIOR_SLOPE = 1
/** Within a set-up, and in other rows, the slope differs from the row's own from run to run by so much. */
const SLOPE_ERROR = 0.3

/**
 * Neighbours on either side in the running median of the control. A single control varies more than a machine drifts
 * within 15 samples.
 */
const NEIGHBOURS = 7

/** The logarithms of the samples of one set-up, and of their control. */
interface Series {
  readonly samples: readonly number[]
  /** The running median of the control. */
  readonly control: readonly number[]
}

/** A control of a row, and how both have changed between the runs. */
interface Drift {
  readonly kind: ControlKind
  readonly before: readonly Series[]
  readonly now: readonly Series[]
  readonly change: { readonly control: number; readonly row: number }
}

/**
 * Compares the rows of two runs. Each side is the mean of its set-ups' medians, of logarithms. The standard error comes
 * from a model of random effects: set-ups differ by a spread, known beforehand as `spread` and from the set-ups
 * themselves; samples of a set-up add the variance of their median, by resampling. Resampling whole set-ups would need
 * more of them: three have only ten different resamples, which show two thirds of the variance.
 */
export function effectsOf(rows: readonly Sides[], spreads: readonly number[]): Effect[] {
  const drifts = rows.map((row) => CONTROLS.flatMap((kind) => driftOf(row, kind) ?? []))
  return rows.map((row, index) => {
    const others = drifts.filter((_, other) => other !== index)
    return effectOf(row, bestOf(drifts[index] ?? [], others), spreads[index] ?? Number.NaN)
  })
}

const logarithms = (values: readonly number[]): number[] => values.map((value) => Math.log(value))

function driftOf({ before, now }: Sides, kind: ControlKind): Drift | undefined {
  const programs = new Set([...before.setUps, ...now.setUps].map(({ controls }) => controls[kind]?.program))
  if (programs.size !== 1 || programs.has(undefined)) return undefined
  const seriesOf = ({ samples, controls }: SetUpSamples): Series => ({
    samples: logarithms(samples),
    control: runningMedian(logarithms(controls[kind]?.times ?? []), NEIGHBOURS),
  })
  const [then, today] = [before.setUps.map(seriesOf), now.setUps.map(seriesOf)]
  const change = (of: keyof Series) => levelOf(today, of) - levelOf(then, of)
  return { kind, before: then, now: today, change: { control: change('control'), row: change('samples') } }
}

const levelOf = (side: readonly Series[], of: keyof Series): number =>
  meanOf(side.map((series) => medianOf(series[of])))

/** The control that a row follows, with its slope. */
interface Correction extends Drift {
  readonly slope: number
  /** Standard error of the slope. */
  readonly error: number
}

/** The control that explains most of a row, of those that explain anything; the first one if none does. */
function bestOf(drifts: readonly Drift[], others: ReadonlyArray<readonly Drift[]>): Correction | undefined {
  const corrections = drifts.map((drift): Correction => {
    const { slope, error } = shrunk(evidenceOf(drift, others), PRIOR_SLOPE)
    return { ...drift, slope: clamp(slope), error }
  })
  return corrections.toSorted((one, other) => other.slope / other.error - one.slope / one.error)[0]
}

/** A control explains at most its own change, and never a change to the other side. */
const clamp = (slope: number): number => Math.min(1, Math.max(0, slope))

/** What shows the slope of a row: its own samples within set-ups, and the changes of the other rows between the runs. */
function evidenceOf({ kind, before, now }: Drift, others: ReadonlyArray<readonly Drift[]>): Slope[] {
  const own = slopeWithin(
    [...before, ...now].map(({ samples, control }) => ({
      x: control,
      y: runningMedian(samples, NEIGHBOURS),
    })),
    2 * NEIGHBOURS + 1,
  )
  const changes = others.flatMap((drifts) => drifts.find((drift) => drift.kind === kind)?.change ?? [])
  const elsewhere = slopeThroughOrigin({ x: changes.map(({ control }) => control), y: changes.map(({ row }) => row) }) // prettier-ignore
  return [own, elsewhere].flatMap((found) =>
    found ? { ...found, error: Math.hypot(found.error, SLOPE_ERROR) } : [],
  )
}

function effectOf({ before, now }: Sides, correction: Correction | undefined, spread: number): Effect {
  const corrected = correction
    ? [
        correction.before.map(correctedBy(correction.slope)),
        correction.now.map(correctedBy(correction.slope)),
      ]
    : [before, now].map(({ setUps }) => setUps.map(({ samples }) => logarithms(samples)))
  const [then = [], today = []] = corrected
  const center = levelsOf(today).mean - levelsOf(then).mean
  const { error, degrees } = errorOf(then, today, spread)
  const drift = correction?.change.control ?? 0
  const bound = (t: number) => center + Math.sign(t) * Math.hypot(t * error, drift * slopeMargin(correction, t, drift)) // prettier-ignore
  const raw = rawChange({ before, now })
  return {
    raw: Math.exp(raw),
    ratio: Math.exp(center),
    ...(correction && { machine: Math.exp(raw - center), slope: correction.slope, control: Math.exp(drift) }),
    interval: (confidence) => {
      const t = studentQuantile((1 + confidence) / 2, degrees)
      return [Math.exp(bound(-t)), Math.exp(bound(t))]
    },
    pValue: 2 * (1 - studentCdf(distanceOf(center, bound), degrees)),
  }
}

const rawChange = ({ before, now }: Sides): number => {
  const [then, today] = [before, now].map(({ setUps }) => meanOf(setUps.map(({ samples }) => medianOf(logarithms(samples))))) // prettier-ignore
  return (today ?? Number.NaN) - (then ?? Number.NaN)
}

const correctedBy =
  (slope: number) =>
  ({ samples, control }: Series): number[] =>
    samples.map((sample, index) => sample - slope * (control[index] ?? Number.NaN))

/** The medians of the set-ups of one side, with the variance between them and within them. */
function levelsOf(side: ReadonlyArray<readonly number[]>) {
  const medians = side.map((samples) => medianOf(samples))
  const mean = meanOf(medians)
  return { mean, squares: medians.reduce((sum, median) => sum + (median - mean) ** 2, 0), count: side.length }
}

/**
 * The standard error of the difference of two sides, and its degrees of freedom. The variance of a set-up's median is
 * what is known beforehand and what the set-ups show, each by its degrees of freedom.
 */
function errorOf(
  before: ReadonlyArray<readonly number[]>,
  now: ReadonlyArray<readonly number[]>,
  spread: number,
): { error: number; degrees: number } {
  const sides = [levelsOf(before), levelsOf(now)]
  const known = spread ** 2 + meanOf([...before, ...now].map((samples) => varianceOfMedian(samples)))
  // The part of `known` that comes from samples has been seen in this run: it makes the whole more certain.
  const prior = PRIOR_DEGREES * (known / spread ** 2) ** 2
  const degrees = sides.reduce((sum, { count }) => sum + count - 1, 0)
  const squares = sides.reduce((sum, side) => sum + side.squares, 0)
  const variance = (PRIOR_DEGREES * known + squares) / (PRIOR_DEGREES + degrees)
  const share = sides.reduce((sum, { count }) => sum + 1 / count, 0)
  return { error: Math.sqrt(variance * share), degrees: prior + degrees }
}

/**
 * How far the slope may be from its estimate in the direction that moves the bound `t` outwards. The interval of a sum
 * of two estimates is that of both margins, by Zou and Donner's method (MOVER); the slope stays within 0 and 1.
 */
function slopeMargin(correction: Correction | undefined, t: number, drift: number): number {
  if (!correction) return 0
  const { slope, error } = correction
  // A smaller slope leaves more of a drift upwards in the ratio.
  const direction = -Math.sign(t) * Math.sign(drift)
  return clamp(slope + direction * Math.abs(t) * error) - slope
}

/** The quantile at which the interval begins to contain 1. */
function distanceOf(center: number, bound: (t: number) => number): number {
  const towards = -Math.sign(center)
  let [low, high] = [0, FARTHEST]
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2
    if (Math.sign(bound(towards * middle)) === Math.sign(center)) low = middle
    else high = middle
  }
  return low
}

const FARTHEST = 1000
const STEPS = 50
