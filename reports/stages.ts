/** The stages of a start and of a dump: finer than phases, and each from one run. */
import type { SampleResults, SuiteResults } from './results.ts'
import { durationOf } from './timeline.ts'

export interface Stage {
  readonly name: string
  /** The part of the start that it belongs to, for its colour. */
  readonly part: 'outside' | 'lean container' | 'restore' | 'execution' | 'dump'
  /** ms since the beginning. */
  readonly from: number
  /** ms. */
  readonly duration: number
}

/** A stage of the median run, with its spread over all runs. */
export interface SpreadStage extends Stage {
  /** A quarter of the runs is faster, a quarter is slower; and the slowest, ms. */
  readonly quartiles: readonly [number, number]
  readonly slowest: number
}

/**
 * The run in the middle, in the order of `size`. Of an even number, the two in the middle, of which every figure is the
 * mean: it is then a median as well, and parts of a run add up to the median of the whole.
 */
export function middleOf<Run>(runs: readonly Run[], size: (run: Run) => number): Run[] {
  const sorted = runs.toSorted((one, other) => size(one) - size(other))
  return sorted.slice(Math.floor((sorted.length - 1) / 2), Math.floor(sorted.length / 2) + 1)
}

/** Mean of at least one value. */
export const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

type Points = SampleResults['points']

/** How long after the harness has started the launcher, ms. */
const since = (points: Points, point: string): number => Number(BigInt(point) - BigInt(points.spawned)) / 1e6

/** The stages of one start, without gaps. Results of earlier versions have fewer. */
export function startStages({ points, stats, stages }: SampleResults): Stage[] {
  const at = (point: string) => since(points, point)
  const { namespacesStarted, mountsStarted, mountsEnded, handlerStarted, handlerEnded } = points
  const [opened, restoring] = [at(points.containerStarted), at(points.restoreStarted)]
  const end = at(handlerStarted ?? handlerEnded)
  const executed =
    points.commandExecuted === undefined ? restoring : Math.min(at(points.commandExecuted), end)
  const isDivided = namespacesStarted && mountsStarted && mountsEnded
  return inTurn([
    ['spawn', 'outside', 0],
    ...(isDivided
      ? ([
          ['launcher', 'lean container', opened],
          ['namespaces', 'lean container', at(namespacesStarted)],
          ['mounts', 'lean container', at(mountsStarted)],
          ['host name, guard', 'lean container', at(mountsEnded)],
        ] as const)
      : ([['lean container', 'lean container', opened]] as const)),
    ['exec', 'restore', restoring],
    ...afterExec({ executed, end, reports: handlerStarted !== undefined, stats, stages }),
    ...(handlerStarted === undefined ? [] : [['handler', 'execution', end] as const]),
    ...(points.answeredAgain === undefined ? [] : [['warm call', 'outside', at(handlerEnded)] as const]),
    ['teardown', 'outside', at(points.answeredAgain ?? handlerEnded)],
    ['', 'outside', at(points.containerGone)],
  ])
}

type Begin = readonly [name: string, part: Stage['part'], from: number]

interface AfterExec extends Pick<SampleResults, 'stats' | 'stages'> {
  readonly executed: number
  /** The handler's first instruction, or if it does not report that, its end. */
  readonly end: number
  readonly reports: boolean
}

/** What happens between exec and the handler's first instruction. CRIU's statistics and log end right before it. */
function afterExec({ executed, end, reports, stats, stages }: AfterExec): Begin[] {
  const restore = (stats['restoreMicroseconds'] ?? 0) / 1000
  if (restore === 0) return [[reports ? 'program starts' : 'until done', 'restore', executed]]
  if (!reports) return [['criu, until done', 'restore', executed]]
  if (!stages)
    return [
      ['criu starts, resumes', 'restore', executed],
      ['criu restores', 'restore', Math.max(executed, end - restore)],
    ]
  let from = end - Object.values(stages).reduce((sum, duration) => sum + duration, 0)
  return Object.entries(stages).map(([name, duration]): Begin => {
    const begin: Begin = [`criu: ${name}`, 'restore', Math.max(executed, from)]
    from += duration
    return begin
  })
}

/** Each stage lasts until the next begins. The last one has only its beginning. */
const inTurn = (begins: readonly Begin[]): Stage[] =>
  begins.slice(0, -1).map(([name, part, from], index) => ({
    name,
    part,
    from,
    duration: Math.max(0, (begins[index + 1]?.[2] ?? from) - from),
  }))

/** The stages of one dump by CRIU's log. Results of earlier versions have none. */
export function dumpStages({ stages = {} }: SuiteResults['dumps'][number]): Stage[] {
  let from = 0
  return Object.entries(stages).map(([name, duration]): Stage => {
    const stage: Stage = { name, part: 'dump', from, duration }
    from += duration
    return stage
  })
}

/** The stages of the median start of a suite, by cold start. */
export const medianStart = ({ samples }: SuiteResults): SpreadStage[] =>
  medianRun(samples, ({ points }) => durationOf(points, 'cold start') ?? 0, startStages)

/** The stages of the median dump of a suite. */
export const medianDump = ({ dumps }: SuiteResults): SpreadStage[] =>
  medianRun(dumps, ({ total }) => total, dumpStages)

const find = (stages: readonly Stage[], wanted: string): Stage | undefined =>
  stages.find(({ name }) => name === wanted)

function medianRun<Run>(
  runs: readonly Run[],
  size: (run: Run) => number,
  stagesOf: (run: Run) => Stage[],
): SpreadStage[] {
  const all = runs.map(stagesOf)
  const middle = middleOf(runs, size).map(stagesOf)
  return (middle[0] ?? []).map((stage) => {
    const own = middle.flatMap((stages) => find(stages, stage.name) ?? [])
    const durations = all
      .flatMap((stages) => find(stages, stage.name)?.duration ?? [])
      .toSorted((one, other) => one - other)
    const at = (share: number) => durations[Math.round(share * (durations.length - 1))] ?? 0
    return {
      ...stage,
      from: meanOf(own.map(({ from }) => from)),
      duration: meanOf(own.map(({ duration }) => duration)),
      quartiles: [at(0.25), at(0.75)],
      slowest: at(1),
    }
  })
}
