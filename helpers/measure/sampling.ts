import { measureControl } from './control.ts'
import type { Host } from '../host/host.ts'
import type { NoiseWatch } from './noise.ts'
import type { Milliseconds } from '../units.ts'
import { runTrial, type Checkpoint, type Sample, type TrialOptions } from '../restore/restore-run.ts'

/** How the machine was while something was measured. */
export interface Conditions {
  /** What the control took right before; left out where the machine was still busy with what was measured before. */
  readonly control?: Milliseconds
  /** What disturbed the machine meanwhile. */
  readonly noise?: readonly string[]
}

/** Something measured with the machine's conditions; `idle` is the host, where that has nothing else to do before. */
export async function withConditions<T>(
  idle: Host | undefined,
  watch: NoiseWatch,
  measure: () => Promise<T>,
): Promise<T & Conditions> {
  const control = idle && (await measureControl(idle))
  const measured = await measure()
  const noise = await watch.look()
  return { ...measured, ...(control !== undefined && { control }), ...(noise && { noise }) }
}

export interface WatchedSample extends Sample, Conditions {}

/** One run of the body, as a suite takes its samples. */
export const watchedTrial = (
  checkpoint: Checkpoint,
  watch: NoiseWatch,
  options: TrialOptions = {},
): Promise<WatchedSample> =>
  withConditions(checkpoint.host, watch, async () => (await runTrial(checkpoint, options)).sample)

/** How many samples are taken: at least `iterations`, and as many as `time` has room for. */
export interface Effort {
  readonly iterations: number
  /** Milliseconds. */
  readonly time?: Milliseconds | undefined
}

/** Whether `taken` samples since that time (by performance.now()) are enough; for several in turn `time` is theirs together. */
export const isEnough = (taken: number, since: number, { iterations, time = 0 }: Effort): boolean =>
  taken >= iterations && performance.now() - since >= time

/** "3/10", or "3, at least 30 in 3 s". */
export const countOf = (count: number, { iterations, time = 0 }: Effort): string =>
  time === 0 ? `${count}/${iterations}` : `${count}, at least ${iterations} in ${time / 1000} s`
