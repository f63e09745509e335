/**
 * The time points of one run, and the phases between them. Durations are derived only here. Every point is in
 * nanoseconds on CLOCK_REALTIME of the restoring host; results.json has them as decimal strings.
 */

/** In chronological order. A to D are the points of the reference; `spawned` and `containerGone` surround them. */
export const POINTS = [
  /** Right before the process that measures starts the launcher. */
  'spawned',
  /** First instruction of the launcher (A). */
  'containerStarted',
  /** The launcher has made the cgroup; the namespaces come next. From here on to `mountsEnded`: missing in earlier versions. */
  'namespacesStarted',
  /** In the container, with all its namespaces. */
  'mountsStarted',
  /** In the container, whose root has changed. */
  'mountsEnded',
  /** In the container, right before it executes CRIU (B). */
  'restoreStarted',
  /** First instruction of the restored handler (C). Missing if the handler is observed from outside. */
  'handlerStarted',
  /** End of the handler's run (D), reported by the handler or seen by the observer in the container. */
  'handlerEnded',
  /** The launcher has reaped every process and removed the cgroup. */
  'containerGone',
] as const

type Moment = bigint | string
type Point = (typeof POINTS)[number]
/**
 * `drained` is when a lazy restore loaded its last page, and may be earlier than `handlerStarted`. `commandExecuted` is
 * when process 1 of the container saw that CRIU is executed, which it may see late. `calledAgain` and `answeredAgain` are
 * the second call of a start from scratch.
 */
type Unordered = 'drained' | 'commandExecuted' | 'calledAgain' | 'answeredAgain'
type Optional = 'namespacesStarted' | 'mountsStarted' | 'mountsEnded' | 'handlerStarted' | Unordered

/** The points of one run. */
export type TimePoints<T extends Moment = bigint> = Readonly<
  Record<Exclude<Point, Optional>, T> & { [point in Optional]?: T | undefined }
>

const SPANS = {
  'lean container': ['containerStarted', 'restoreStarted'],
  restore: ['restoreStarted', 'handlerStarted'],
  // A start from scratch has its first instruction where a restore ends.
  startup: ['restoreStarted', 'handlerStarted'],
  execution: ['handlerStarted', 'handlerEnded'],
  // Observed handlers have no `handlerStarted`.
  'first response': ['restoreStarted', 'handlerEnded'],
  done: ['restoreStarted', 'handlerEnded'],
  'cold start': ['containerStarted', 'handlerEnded'],
  drain: ['handlerStarted', 'drained'],
  // A call of a process that has started and answered before.
  'warm call': ['calledAgain', 'answeredAgain'],
} as const satisfies Record<string, readonly [Point | Unordered, Point | Unordered]>

/** A phase of one run. `dump` and `rewrite` are none: they are measured separately, before the runs. */
export type RunPhase = keyof typeof SPANS
export type PhaseName = RunPhase | 'dump' | 'rewrite'

const isRunPhase = (phase: string): phase is RunPhase => Object.hasOwn(SPANS, phase)

/** The duration of a phase in ms; undefined if the run lacks one of its points. A drain never takes less than 0 ms. */
export function durationOf(points: TimePoints<Moment>, phase: string): number | undefined {
  if (!isRunPhase(phase)) return undefined
  const [from, to] = SPANS[phase]
  const [start, end] = [points[from], points[to]]
  if (start === undefined || end === undefined) return undefined
  const nanoseconds = Number(BigInt(end) - BigInt(start))
  return (phase === 'drain' ? Math.max(0, nanoseconds) : nanoseconds) / 1e6
}

/** Whether the points are in chronological order. They are not if the clock was set during the run. */
export function areInOrder(points: TimePoints<Moment>): boolean {
  const moments = POINTS.flatMap((point) => points[point] ?? []).map(BigInt)
  return moments.every((moment, index) => index === 0 || moment >= (moments[index - 1] ?? 0n))
}
