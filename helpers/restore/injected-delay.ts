import type { LaunchRequest } from '../container/launcher.ts'

/** The phases of a cold start in which a delay can be injected. */
export const DELAY_PLACES = ['launcher', 'restore', 'handler'] as const

/** A delay that keeps a processor busy, to see whether the gate finds it. Only the Python handler knows `handler`. */
export interface InjectedDelay {
  readonly where: (typeof DELAY_PLACES)[number]
  /** Whole nanoseconds. */
  readonly nanoseconds: number
}

/** The launcher's part of a delay. A restore begins in the process that becomes CRIU. */
export function spinFor(delay: InjectedDelay | undefined): NonNullable<LaunchRequest['spin']> {
  if (delay?.where === 'launcher') return { launcher: delay.nanoseconds }
  if (delay?.where === 'restore') return { command: delay.nanoseconds }
  return {}
}
