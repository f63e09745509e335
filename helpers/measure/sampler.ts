import type { Host } from '../host/host.ts'
import type { Bytes, Milliseconds } from '../units.ts'
import { medianOf } from '../stats/bootstrap.ts'
import { measureControl, measureMemoryControl } from './control.ts'
import type { NoiseMonitor } from './noise.ts'

/** How many samples are taken. */
export interface Effort {
  /** The smallest number of samples. */
  readonly iterations: number
  /** The rounds take at least this long for each subject: with two subjects, twice as long in all. Default: 0. */
  readonly time?: Milliseconds | undefined
  /** Samples before the first one that counts. */
  readonly warmup: number
}

/** The state of the machine around a sample. */
export interface Conditions {
  /** Duration of the control right before the sample. Missing if the previous sample still kept the machine busy. */
  readonly control?: Milliseconds
  /** Duration of the control for memory, likewise. */
  readonly memoryControl?: Milliseconds
  /** Labels for noise during the sample. Missing on a quiet machine. */
  readonly noise?: readonly string[]
}

/** Something to measure, sample by sample. */
export interface Subject<T extends object> {
  /** Runs before the control and the sample, and is part of neither. */
  readonly setUp?: () => Promise<void>
  /** Takes one sample. `isLast` is true for the last sample of this subject. */
  readonly measure: (isLast: boolean) => Promise<T>
  /** Where the controls run before each sample, and for how much memory. Without it there are none. */
  readonly control: { readonly host: Host; readonly size: Bytes } | undefined
  /** Reports a sample to the user. `which` is "iteration 3/10", for example. */
  readonly progress: (which: string, sample: T) => void
  /** What messages call one sample: "iteration", "dump". */
  readonly noun: string
  /** Called with the first error of this subject, which is then left out. Missing if an error ends all subjects. */
  readonly onError?: (error: unknown) => void
}

/**
 * Measures subjects in turn: each is measured once in a round before any is measured again. This is the only loop that
 * takes samples. Returns the samples of each subject, in the order of the subjects.
 */
export async function takeSamples<T extends object>(
  subjects: ReadonlyArray<Subject<T>>,
  { iterations, warmup, time = 0 }: Effort,
  monitor: NoiseMonitor,
): Promise<Array<Array<T & Conditions>>> {
  const samples = subjects.map((): Array<T & Conditions> => [])
  const failed = new Set<Subject<T>>()
  const round = async (isLast: boolean, which: (noun: string) => string, keep: boolean): Promise<void> => {
    for (const [index, subject] of subjects.entries()) {
      if (failed.has(subject)) continue
      const sample = await withConditions(subject, monitor, isLast).catch((error: unknown) => {
        if (!subject.onError) throw error
        failed.add(subject)
        subject.onError(error)
      })
      if (!sample) continue
      if (keep) samples[index]?.push(sample)
      subject.progress(which(subject.noun), sample)
    }
  }
  for (let count = 0; count < warmup; count++) await round(false, (noun) => `warm-up ${noun}`, false)
  const end = performance.now() + time * subjects.length
  for (let count = 1, isLast = false; !isLast; count++) {
    isLast = (count >= iterations && performance.now() >= end) || failed.size === subjects.length
    await round(isLast, (noun) => countOf(noun, count, { iterations, time }), true)
  }
  return samples.map(withJumps)
}

/** A control that takes this much longer than the others shows that something else used the machine. */
const JUMP = 1.5

/** Labels the samples before which the control took much longer than it usually does in these samples. */
function withJumps<T extends Conditions>(samples: readonly T[]): T[] {
  // A subject may have failed before its first.
  if (samples.length === 0) return []
  const usual = medianOf(samples.map(({ control = 0 }) => control))
  return samples.map((sample) => {
    const { control = 0, noise = [] } = sample
    if (control <= JUMP * usual) return sample
    return { ...sample, noise: [...noise, `the control took ${(control / usual).toFixed(1)} × as long as usual`] }
  }) // prettier-ignore
}

async function withConditions<T extends object>(
  { control: on, setUp, measure }: Subject<T>,
  monitor: NoiseMonitor,
  isLast: boolean,
): Promise<T & Conditions> {
  await setUp?.()
  // The one for memory runs first: it leaves the processor's caches in a state that no sample should begin with.
  const memoryControl = on && (await measureMemoryControl(on.host, on.size))
  const control = on && (await measureControl(on.host))
  const sample = await measure(isLast)
  const noise = await monitor.read()
  return {
    ...sample,
    ...(control !== undefined && { control }),
    ...(memoryControl !== undefined && { memoryControl }),
    ...(noise && { noise }),
  }
}

/** "iteration 3/10", or "iteration 3, at least 30 in 3 s" if there is a minimal time. */
const countOf = (
  noun: string,
  count: number,
  { iterations, time }: { iterations: number; time: Milliseconds },
): string =>
  time === 0
    ? `${noun} ${count}/${iterations}`
    : `${noun} ${count}, at least ${iterations} in ${time / 1000} s`
