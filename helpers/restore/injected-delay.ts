import type { LaunchRequest } from '../container/launcher.ts'

/** Where a slow-down can be planted: in each of the phases of a cold start. */
export const DELAY_PLACES = ['launcher', 'restore', 'handler'] as const

/** A slow-down: a processor is kept busy for so long there. `handler` is known to the Python handler alone. */
export interface InjectedDelay {
  readonly where: (typeof DELAY_PLACES)[number]
  /** Whole nanoseconds. */
  readonly nanoseconds: number
}

/** What the launcher has to do with a injectedDelay: a restore begins in the process that becomes CRIU. */
export function spinFor(injectedDelay: InjectedDelay | undefined): NonNullable<LaunchRequest['spin']> {
  if (injectedDelay?.where === 'launcher') return { launcher: injectedDelay.nanoseconds }
  if (injectedDelay?.where === 'restore') return { command: injectedDelay.nanoseconds }
  return {}
}
