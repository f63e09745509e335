import { CriuBenchError } from '../helpers/errors.ts'
import type { Handler } from '../helpers/handlers/definition.ts'
import type { Milliseconds, Nanoseconds } from '../helpers/units.ts'

/**
 * The time points of one run of the body, all on CLOCK_REALTIME, in ns: S spawn (right before the harness starts the
 * launcher), A first thing in the launcher, B in the container right before exec of criu, C before the handler and D
 * after it (both in the restored process; D of an observed one by the observer in the container), E container gone. All
 * are of the restoring host's clock.
 */
export interface TimePoints {
  readonly s: Nanoseconds
  readonly a: Nanoseconds
  readonly b: Nanoseconds
  /** Of a process that tells itself when its run began; one that is observed from outside has no such point. */
  readonly c?: Nanoseconds
  readonly d: Nanoseconds
  readonly e: Nanoseconds
}

/** The measured phases of a handler that reports its times, in the order they happen, then their sum. */
export const PHASES = ['lean container', 'restore', 'execution', 'cold start'] as const

const SPANS = {
  'lean container': ['a', 'b'],
  restore: ['b', 'c'],
  // From scratch: up to where a restore ends.
  startup: ['b', 'c'],
  execution: ['c', 'd'],
  // What is seen from outside has no point between start and end, and none is made up.
  'first response': ['b', 'd'],
  done: ['b', 'd'],
  'cold start': ['a', 'd'],
} as const satisfies Record<string, readonly [keyof TimePoints, keyof TimePoints]>
export type Phase = keyof typeof SPANS

/** What can be told of a handler, restored or started from scratch: parts that add up to the cold start, and that. */
export function phasesFor({ done }: Pick<Handler, 'done'>, fromScratch: boolean): readonly Phase[] {
  if (done === 'report')
    return fromScratch ? ['lean container', 'startup', 'execution', 'cold start'] : PHASES
  return ['lean container', done === 'response' ? 'first response' : 'done', 'cold start']
}

export const nanosecondsOf = (points: TimePoints, phase: Phase): Nanoseconds => {
  const [from, to] = SPANS[phase]
  const [start, end] = [points[from], points[to]]
  if (start === undefined || end === undefined) throw new Error(`${phase} is not told by this handler`)
  return end - start
}

export const phaseOf = (points: TimePoints, phase: Phase): Milliseconds =>
  Number(nanosecondsOf(points, phase)) / 1e6

/** Refuses points that do not follow each other: the clock was set during the run. */
export function checkOrder(points: TimePoints): void {
  const { s, a, b, c = b, d, e } = points
  const order = [s, a, b, c, d, e]
  if (order.every((point, index) => index === 0 || point >= (order[index - 1] ?? 0n))) return
  throw new CriuBenchError({
    failed: 'cannot use a sample: its time points are not in order',
    found: Object.entries(points)
      .map(([name, point]) => `${name.toUpperCase()}=${String(point)}`)
      .join(' '),
    expected: 'S, A, B, C, D and E one after the other on CLOCK_REALTIME',
    fix: 'stop what sets the clock (NTP step, virtual machine resume) and run again',
  })
}
