import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { durationOf } from '../../reports/timeline.ts'
import type { SampleResults, SuiteResults } from '../../reports/results.ts'
import type { BenchmarkCase } from '../matrix/benchmark-case.ts'
import type { RestoreSample } from '../restore/restore-run.ts'
import { writeTextFile } from '../results/write.ts'

/** The folder for logs, beside results.json. */
export const LOGS = 'logs'

/** CRIU's log of each sample, by its first time point. Compressed, because a case may have thousands of samples. */
const held = new WeakMap<BenchmarkCase, Map<string, Uint8Array>>()

/** Remembers the logs of a case until it is known which of them to keep. */
export function holdLog(benchmarkCase: BenchmarkCase): (sample: RestoreSample, log: string) => void {
  const logs = held.get(benchmarkCase) ?? new Map<string, Uint8Array>()
  held.set(benchmarkCase, logs)
  return ({ points }, log) => logs.set(String(points.spawned), gzipSync(log))
}

/**
 * Writes the logs of the slowest and of the median sample of a suite, and returns their paths, relative to `output`.
 * `name` is unique among the suites of a run. Undefined if there are no logs.
 */
export async function keepLogs(
  benchmarkCase: BenchmarkCase,
  { samples }: Pick<SuiteResults, 'samples'>,
  { output, name }: { readonly output: string; readonly name: string },
): Promise<SuiteResults['kept']> {
  const logs = held.get(benchmarkCase)
  const sorted = samples.toSorted((one, other) => coldStart(one) - coldStart(other))
  const logOf = (sample: SampleResults | undefined) => logs?.get(sample?.points.spawned ?? '')
  const slowest = logOf(sorted.at(-1))
  // Of an even number, the faster of the two in the middle.
  const median = logOf(sorted[Math.floor((sorted.length - 1) / 2)])
  if (!slowest || !median) return undefined
  held.delete(benchmarkCase)
  const paths = { slowest: join(LOGS, `${name}.slowest.log`), median: join(LOGS, `${name}.median.log`) }
  await writeTextFile(join(output, paths.slowest), gunzipSync(slowest).toString())
  await writeTextFile(join(output, paths.median), gunzipSync(median).toString())
  return paths
}

const coldStart = ({ points }: SampleResults): number => durationOf(points, 'cold start') ?? 0
