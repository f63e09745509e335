import type { LaunchRequest } from '../container/launcher.ts'

/** The phases of a cold start in which a delay can be injected. */
export const DELAY_PLACES = ['launcher', 'restore', 'handler'] as const

/**
 * A delay that keeps a processor busy, to see whether the gate finds it. Only the Python handler supports `handler`.
 */
export interface InjectedDelay {
  readonly where: (typeof DELAY_PLACES)[number]
  /** Whole nanoseconds. */
  readonly nanoseconds: number
}

/** How long the launcher must spin for a delay. A delay of the restore runs in the process that then executes CRIU. */
export function spinFor(delay: InjectedDelay | undefined): NonNullable<LaunchRequest['spin']> {
  if (delay?.where === 'launcher') return { launcher: delay.nanoseconds }
  if (delay?.where === 'restore') return { command: delay.nanoseconds }
  return {}
}
