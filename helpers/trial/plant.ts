import type { LaunchRequest } from '../container/launcher.ts'

/** Where a slow-down can be planted: in each of the phases of a cold start. */
export const PLACES = ['launcher', 'restore', 'handler'] as const

/** A slow-down: a processor is kept busy for so long there. `handler` is known to the Python handler alone. */
export interface Plant {
  readonly where: (typeof PLACES)[number]
  /** Whole nanoseconds. */
  readonly nanoseconds: number
}

/** What the launcher has to do with a plant: a restore begins in the process that becomes CRIU. */
export function spinOf(plant: Plant | undefined): NonNullable<LaunchRequest['spin']> {
  if (plant?.where === 'launcher') return { launcher: plant.nanoseconds }
  if (plant?.where === 'restore') return { command: plant.nanoseconds }
  return {}
}
