import { CriuBenchError } from '../errors.ts'
import type { Milliseconds, Nanoseconds } from '../units.ts'

/**
 * The time points of one run of the body, all on CLOCK_REALTIME, in ns: S spawn (right before the harness starts the
 * launcher), A first thing in the launcher, B in the container right before exec of criu, C before the handler and D
 * after it (both in the restored process), E container gone. All are of the restoring host's clock.
 */
export interface TimePoints {
  readonly s: Nanoseconds
  readonly a: Nanoseconds
  readonly b: Nanoseconds
  readonly c: Nanoseconds
  readonly d: Nanoseconds
  readonly e: Nanoseconds
}

/** The measured phases, in the order they happen, then their sum. */
export const PHASES = ['lean container', 'restore', 'execution', 'cold start'] as const
export type Phase = (typeof PHASES)[number]

const SPANS = {
  'lean container': ['a', 'b'],
  restore: ['b', 'c'],
  execution: ['c', 'd'],
  'cold start': ['a', 'd'],
} as const satisfies Record<Phase, readonly [keyof TimePoints, keyof TimePoints]>

export const nanosecondsOf = (points: TimePoints, phase: Phase): Nanoseconds => {
  const [from, to] = SPANS[phase]
  return points[to] - points[from]
}

export const phaseOf = (points: TimePoints, phase: Phase): Milliseconds =>
  Number(nanosecondsOf(points, phase)) / 1e6

/** Refuses points that do not follow each other: the clock was set during the run. */
export function checkOrder(points: TimePoints): void {
  const order = [points.s, points.a, points.b, points.c, points.d, points.e]
  if (order.every((point, index) => index === 0 || point >= (order[index - 1] ?? 0n))) return
  throw new CriuBenchError({
    failed: 'cannot use a sample: its time points are not in order',
    found: Object.entries(points)
      .map(([name, point]) => `${name.toUpperCase()}=${String(point)}`)
      .join(' '),
    expected: 'S, A, B, C, D and E one after the other on CLOCK_REALTIME',
    mend: 'stop what sets the clock (NTP step, virtual machine resume) and run again',
  })
}
