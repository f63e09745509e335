import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Results } from '../../reports/results.ts'
import { outcomeOf, PROJECT, VITEST, type Ended } from './commands.ts'
import { temporaryFolder } from './folders.ts'

export interface BenchRun extends Ended {
  readonly results: Results
  readonly junit: string
}

/** Runs `vitest bench` in a temporary project that uses this tree. `source` is the code of its only suite. */
export async function runBenchProject(
  source: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<BenchRun> {
  await using folder = await temporaryFolder()
  const file = (name: string): string => join(folder.path, name)
  const api = JSON.stringify(join(PROJECT, 'helpers/index.ts'))
  await symlink(join(PROJECT, 'node_modules'), file('node_modules'))
  await mkdir(file('bench'))
  const config = `import { criu } from ${api}\nexport default { plugins: [criu()], test: { benchmark: { include: ['bench/*.bench.ts'] } } }\n`
  await writeFile(file('vitest.config.mts'), config)
  const imports = `import { expect, test, describe } from 'vitest'\nimport * as criu from ${api}\n`
  await writeFile(file('bench/own.bench.ts'), `${imports}${source}`)
  const quick = { VITEST_CRIU_ITERATIONS: '2', VITEST_CRIU_WARMUP: '0' }
  const ended = await outcomeOf([process.execPath, VITEST, 'bench', '--run'], { ...quick, ...environment }, folder.path) // prettier-ignore
  const text = (name: string): Promise<string> => readFile(file(`reports/out/${name}`), 'utf8')
  return {
    ...ended,
    results: Results.parse(JSON.parse(await text('results.json'))),
    junit: await text('junit.xml'),
  }
}
