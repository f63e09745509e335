import { Bench, type Task } from 'tinybench'
import { CriuBenchError } from '../errors.ts'
import { intervalOfMedian } from './bootstrap.ts'
import type { Milliseconds } from '../units.ts'

/** The figures of one phase over all its samples, in ms. */
export interface Summary {
  readonly n: number
  readonly median: Milliseconds
  readonly mean: Milliseconds
  readonly min: Milliseconds
  readonly max: Milliseconds
  /** Standard deviation. */
  readonly sd: Milliseconds
  /** The 95 % interval of the median. Missing with fewer than 5 samples. */
  readonly interval?: [Milliseconds, Milliseconds]
}

type Completed = Extract<Task['result'], { state: 'completed' }>

/**
 * Statistics of given durations, in ms, by tinybench, whose results vitest can show. Throws CriuBenchError if there are
 * no samples, or if one is negative or not finite.
 */
export function statisticsOf(name: string, samples: readonly Milliseconds[]): Completed {
  // For an invalid duration tinybench would silently use its own measurement instead.
  const bad = samples.find((sample) => !Number.isFinite(sample) || sample < 0)
  if (bad !== undefined || samples.length === 0) {
    throw new CriuBenchError({
      failed: `cannot summarize the phase "${name}"`,
      found: bad === undefined ? 'no samples' : `a sample of ${bad} ms`,
      expected: 'at least one sample, each a finite number of ms, 0 or more',
      fix: 'report this as a bug in vitest-criu',
    })
  }
  const bench = new Bench({ warmup: false, time: 0, iterations: samples.length, retainSamples: true })
  let next = 0
  const replay = () => ({ overriddenDuration: samples[next++] ?? Number.NaN, overriddenIterationCost: 0 })
  // Without `async`, tinybench calls the function once to find out whether it is asynchronous, which would use up a
  // sample.
  bench.add(name, replay, { async: false })
  const [task] = bench.runSync()
  if (task?.result.state !== 'completed')
    throw new Error(`tinybench did not complete "${name}"`, { cause: task?.result })
  return task.result
}

export function summarize(name: string, samples: readonly Milliseconds[]): Summary {
  const { p50, mean, min, max, sd } = statisticsOf(name, samples).latency
  const interval = intervalOfMedian(samples)
  return {
    n: samples.length,
    median: p50,
    mean,
    min,
    max,
    sd: samples.length > 1 ? sd : 0,
    ...(interval && { interval: [...interval] }),
  }
}
