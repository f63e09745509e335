import { areInOrder, type TimePoints } from '../../reports/timeline.ts'
import { CriuBenchError } from '../errors.ts'
import type { Nanoseconds } from '../units.ts'

/** The two clocks are read one after the other, twice. 1 ms is far more than that takes, even if a reader is interrupted. */
const TOLERANCE: Nanoseconds = 1_000_000n

/**
 * Refuses a sample during which CLOCK_REALTIME was set: its points are not in order, or a monotonic clock disagrees with
 * the time between the first and the last of the launcher's. Throws CriuBenchError.
 */
export function checkClock(points: TimePoints, monotonic: Nanoseconds): void {
  const realtime = points.containerGone - points.containerStarted
  const step = realtime - monotonic
  if (areInOrder(points) && step <= TOLERANCE && step >= -TOLERANCE) return
  throw new CriuBenchError({
    failed: 'cannot use a sample: the clock was set while it was taken',
    found: `${milliseconds(realtime)} on CLOCK_REALTIME, ${milliseconds(monotonic)} on CLOCK_MONOTONIC; ${Object.entries(
      points,
    )
      .map(([name, point]) => `${name}=${String(point)}`)
      .join(' ')}`,
    expected: 'the same duration on both clocks, and time points that follow each other',
    fix: 'make sure that nothing sets the clock (an NTP step, a resumed virtual machine), and run again',
  })
}

const milliseconds = (duration: Nanoseconds): string => `${(Number(duration) / 1e6).toFixed(3)} ms`
