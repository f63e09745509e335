import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Results } from '../../reports/results.ts'
import { BENCH, outcomeOf, type Ended } from './commands.ts'
import { API, temporaryProject } from './projects.ts'

export interface BenchRun extends Ended {
  readonly results: Results
  readonly junit: string
}

/** Runs `vitest bench` in a temporary project that uses this tree. `source` is the code of its only suite. */
export async function runBenchProject(
  source: string,
  environment: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
): Promise<BenchRun> {
  await using folder = await benchProject(source)
  const quick = { VITEST_CRIU_ITERATIONS: '2', VITEST_CRIU_WARMUP: '0' }
  const ended = await outcomeOf([...BENCH, ...args], { ...quick, ...environment }, folder.path) // prettier-ignore
  const text = (name: string): Promise<string> => readFile(join(folder.path, 'reports/out', name), 'utf8')
  return {
    ...ended,
    results: Results.parse(JSON.parse(await text('results.json'))),
    junit: await text('junit.xml'),
  }
}

/** A temporary project that uses this tree. `source` is the code of its only suite. */
export const benchProject = (source: string): ReturnType<typeof temporaryProject> =>
  temporaryProject({
    'vitest.config.mts': `import { criu } from '${API}'
export default { plugins: [criu()], test: { benchmark: { include: ['bench/*.bench.ts'] } } }
`,
    'bench/own.bench.ts': `import { expect, test, describe } from 'vitest'
import * as criu from '${API}'
${source}`,
  })
