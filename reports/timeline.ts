/**
 * The time points of one run and the phases between them: the one place where durations are derived. Every point is on
 * CLOCK_REALTIME of the host that restores, in nanoseconds; as a decimal string in results.json.
 */

/** In the order in which they happen; source: the reference's points A to D, with one before and one after them. */
export const POINTS = [
  /** Right before the harness starts the launcher. */
  'spawned',
  /** First instruction of the launcher (A). */
  'containerStarted',
  /** In the container, right before it executes CRIU (B). */
  'restoreStarted',
  /** First instruction of the restored handler (C). Missing where a handler is observed from outside. */
  'handlerStarted',
  /** The handler is done (D): told by itself, or seen by the observer in the container. */
  'handlerEnded',
  /** The launcher has reaped every process and removed the cgroup. */
  'containerGone',
] as const

type Moment = bigint | string
type Point = (typeof POINTS)[number]

/** The points of one run. `drained`: when a lazy restore has loaded the last page, which may be before `handlerStarted`. */
export type TimePoints<T extends Moment = bigint> = Readonly<
  Record<Exclude<Point, 'handlerStarted'>, T> & { handlerStarted?: T | undefined; drained?: T | undefined }
>

const SPANS = {
  'lean container': ['containerStarted', 'restoreStarted'],
  restore: ['restoreStarted', 'handlerStarted'],
  // A start from scratch, up to the point where a restore ends.
  startup: ['restoreStarted', 'handlerStarted'],
  execution: ['handlerStarted', 'handlerEnded'],
  // An observed handler has no point between start and end.
  'first response': ['restoreStarted', 'handlerEnded'],
  done: ['restoreStarted', 'handlerEnded'],
  'cold start': ['containerStarted', 'handlerEnded'],
  drain: ['handlerStarted', 'drained'],
} as const satisfies Record<string, readonly [Point, Point | 'drained']>

/** A phase of one run. The phase "dump" is measured apart from runs. */
export type RunPhase = keyof typeof SPANS
export type PhaseName = RunPhase | 'dump'

const isRunPhase = (phase: string): phase is RunPhase => Object.hasOwn(SPANS, phase)

/** The duration of a phase in ms; undefined where the run has no such phase. A drain that ended early took 0 ms. */
export function durationOf(points: TimePoints<Moment>, phase: string): number | undefined {
  if (!isRunPhase(phase)) return undefined
  const [from, to] = SPANS[phase]
  const [start, end] = [points[from], points[to]]
  if (start === undefined || end === undefined) return undefined
  const nanoseconds = Number(BigInt(end) - BigInt(start))
  return (phase === 'drain' ? Math.max(0, nanoseconds) : nanoseconds) / 1e6
}

/** Whether the points follow each other, as they do unless the clock was set during the run. */
export function areInOrder(points: TimePoints<Moment>): boolean {
  const moments = POINTS.flatMap((point) => points[point] ?? []).map(BigInt)
  return moments.every((moment, index) => index === 0 || moment >= (moments[index - 1] ?? 0n))
}
