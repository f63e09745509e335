import {
  DECIDING,
  type FigureResults,
  type Results,
  type SampleResults,
  type SuiteResults,
} from '../../reports/results.ts'
import { compareResults } from '../gate/baseline.ts'
import type { ChangeState, Sensitivity } from '../gate/change.ts'
import { comparisonOutcome } from '../gate/outcome.ts'

/** How often each verdict was given. */
export type Verdicts = Record<ChangeState, number>

/** What the gate says about comparisons of recorded runs. */
export interface Replay {
  /** The outcomes of whole runs: the worst of their rows. An improvement passes. */
  readonly outcomes: Omit<Verdicts, 'improvement'>
  /** By row: "cold start tmpfs 64MB mapped". */
  readonly rows: ReadonlyMap<string, RowReplay>
}

export interface RowReplay {
  readonly verdicts: Verdicts
  /** The logarithms of the ratios, as measured and without the drift of the machine. */
  readonly raw: number[]
  readonly ratios: number[]
}

/** Two runs that are compared. */
export type Pair = readonly [before: Results, now: Results]

/** Applies the rules of the gate to pairs of recorded runs. Nothing can be measured again, so suspects count. */
export function replay(pairs: readonly Pair[], sensitivity: Sensitivity): Replay {
  const outcomes = { pass: 0, regression: 0, inconclusive: 0 }
  const rows = new Map<string, RowReplay>()
  for (const [before, now] of pairs) {
    const judged = compareResults(now, { name: before.createdAt, results: before }, sensitivity)
    outcomes[comparisonOutcome(judged)] += 1
    for (const [title, { baseline }] of decidingRows(judged)) {
      const row = rows.get(title) ?? { verdicts: { pass: 0, regression: 0, improvement: 0, inconclusive: 0 }, raw: [], ratios: [] } // prettier-ignore
      row.verdicts[baseline?.verdict ?? 'inconclusive'] += 1
      if (baseline) {
        row.ratios.push(Math.log(baseline.ratio))
        row.raw.push(Math.log(baseline.ratio * (baseline.machine ?? 1)))
      }
      rows.set(title, row)
    }
  }
  return { outcomes, rows }
}

/** The figures that decide, with their titles. */
const decidingRows = ({ suites }: Pick<Results, 'suites'>): Array<[string, FigureResults]> =>
  suites.flatMap((suite) =>
    suite.figures
      .filter(({ phase }) => DECIDING.includes(phase))
      .map((figure): [string, FigureResults] => [`${figure.phase} ${suite.title}`, figure]),
  )

/** Runs that are compared with each other: more would take long, and be far apart in time. */
const TOGETHER = 6

const inGroups = <T>(all: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(all.length / TOGETHER) }, (_, index) => all.slice(index * TOGETHER, (index + 1) * TOGETHER)) // prettier-ignore

/** Every ordered pair of runs, of each six in a row. */
export const orderedPairs = (runs: readonly Results[]): Pair[] =>
  inGroups(runs).flatMap((group) =>
    group.flatMap((before) => group.filter((now) => now !== before).map((now): Pair => [before, now])),
  )

/**
 * Every way to make two runs of each six in a row, each with three of them as its set-ups: what the gate says about runs
 * with several set-ups.
 */
export const halves = (runs: readonly Results[]): Pair[] =>
  inGroups(runs)
    .filter((group) => group.length === TOGETHER)
    .flatMap((group) =>
      choices(group, TOGETHER / 2).map((chosen): Pair => {
        const others = group.filter((run) => !chosen.includes(run))
        return [asSetUps(chosen), asSetUps(others)]
      }),
    )

function choices<T>(of: readonly T[], count: number): T[][] {
  if (count === 0) return [[]]
  return of.flatMap((first, index) => choices(of.slice(index + 1), count - 1).map((rest) => [first, ...rest]))
}

/** One run whose set-ups are these runs. Throws if there are none. */
function asSetUps(runs: readonly Results[]): Results {
  const [first] = runs
  if (!first) throw new Error('no runs to join')
  const suites = first.suites.map((suite): SuiteResults => {
    const parts = runs.map((run) => run.suites.find(({ title, handler }) => title === suite.title && handler === suite.handler)) // prettier-ignore
    const joined = <T extends { setUp?: number | undefined }>(of: (part: SuiteResults) => readonly T[]) =>
      parts.flatMap((part, index) => (part ? of(part).map((sample) => ({ ...sample, setUp: index * MANY + (sample.setUp ?? 0) })) : [])) // prettier-ignore
    const { again: _, ...measured } = suite
    return { ...measured, dumps: joined(({ dumps }) => dumps), ...(measured.rewrites && { rewrites: joined(({ rewrites = [] }) => rewrites) }), samples: joined(({ samples }) => samples) } // prettier-ignore
  })
  return { ...first, suites }
}

/** More set-ups than a run has. */
const MANY = 1000

/** A recorded run whose cold starts, or those of one suite, take longer by `level`, as if handlers had become slower. */
export const slowed = (run: Results, level: number, title?: string): Results => ({
  ...run,
  suites: run.suites.map((suite) => {
    if (title !== undefined && suite.title !== title) return suite
    const slower = { ...suite, samples: suite.samples.map((sample) => slowedSample(sample, level)) }
    delete slower.again
    return slower
  }),
})

function slowedSample(sample: SampleResults, level: number): SampleResults {
  const { containerStarted, handlerEnded, containerGone } = sample.points
  const coldStart = Number(BigInt(handlerEnded) - BigInt(containerStarted))
  const later = (point: string) => String(BigInt(point) + BigInt(Math.round(coldStart * level)))
  const points = { ...sample.points, handlerEnded: later(handlerEnded), containerGone: later(containerGone) }
  return { ...sample, points }
}
