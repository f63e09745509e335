import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { outcomeOf, VITEST, type Ended } from '../testing/commands.ts'
import type { TemporaryFolder } from '../testing/folders.ts'
import { API, temporaryProject } from '../testing/projects.ts'

const configOf = (plugins: string, benchmark = ''): string =>
  `import { criu } from '${API}'\nexport default { plugins: [${plugins}], test: { benchmark: { include: ['*.bench.ts'], ${benchmark} } } }\n`

/** Runs `vitest bench` in a project, with one of its configurations. */
const bench = (project: TemporaryFolder, config: string, ...args: readonly string[]): Promise<Ended> =>
  outcomeOf(
    [process.execPath, VITEST, 'bench', '--run', '--config', `${config}.config.mts`, ...args],
    {},
    project.path,
  )

const OWN = `
import { expect, test } from 'vitest'
const log = []
const fails = (message) => () => { throw new Error(message) }
test('compares two in one Bench', async ({ bench, task }) => {
  const options = { iterations: 3, time: 0, warmup: true, warmupIterations: 2, warmupTime: 0 }
  const both = await bench.compare(bench('a', () => void log.push('a')), bench('b', () => void log.push('b')), options)
  task.meta.seen = { log, a: describe(both.get('a')), b: describe(both.get('b')) }
})
const describe = (result) => Object.fromEntries(Object.entries(result).map(([name, value]) => [name, value?.constructor === Object ? Object.keys(value) : typeof value]))
test('throws one error', ({ bench }) => bench('one', fails('first')).run())
test('throws two errors', ({ bench }) => bench.compare(bench('one', fails('first')), bench('two', fails('second'))))
test('refuses a second name', ({ bench }) => bench.compare(bench('same', () => {}), bench('same', () => {})))
`

const Report = z.object({
  testResults: z.array(
    z.object({
      assertionResults: z.array(
        z.object({
          title: z.string(),
          status: z.string(),
          failureMessages: z.array(z.string()),
          meta: z.unknown(),
        }),
      ),
    }),
  ),
})

/** The tests of a run: their states, errors without stacks, and what they saw. */
async function recordOf(project: TemporaryFolder, config: string) {
  const report = join(project.path, `${config}.json`)
  const { stderr } = await bench(project, config, '--reporter=json', `--outputFile=${report}`)
  const text = await readFile(report, 'utf8').catch((cause: unknown) => {
    throw new Error(stderr, { cause })
  })
  return Report.parse(JSON.parse(text)).testResults.flatMap(({ assertionResults }) =>
    assertionResults.map(({ failureMessages, ...rest }) => ({
      ...rest,
      errors: failureMessages.map((message) => message.split('\n')[0]),
    })),
  )
}

describe('benchmarks of other functions', () => {
  test('run as without the plugin, field by field', async () => {
    await using project = await temporaryProject({
      'with.config.mts': configOf('criu()'),
      'without.config.mts': configOf(''),
      'own.bench.ts': OWN,
    })
    const without = await recordOf(project, 'without')
    expect(without.map(({ status }) => status)).toEqual(['passed', 'failed', 'failed', 'failed'])
    expect(await recordOf(project, 'with')).toEqual(without)
  })

  test("run on the provider of the user's own configuration", async () => {
    await using project = await temporaryProject({
      'with.config.mts': configOf('criu()', "provider: './provider.ts'"),
      'provider.ts': `export default { run: async ({ registrations }: { registrations: { name: string }[] }) => {
  console.log('own provider: ' + registrations.map(({ name }) => name).join(', '))
  const zeros = { samples: [1], mean: 1, min: 1, max: 1 }
  return registrations.map(({ name }) => ({ name, latency: zeros, throughput: zeros, period: 1, totalTime: 1 }))
} }`,
      'own.bench.ts': `import { test } from 'vitest'
test('t', ({ bench }) => bench.compare(bench('a', () => {}), bench('b', () => {})))`,
    })
    const { status, stdout, stderr } = await bench(project, 'with')
    expect(status, stderr).toBe(0)
    expect(stdout).toContain('own provider: a, b')
  })

  test('in two files never run at once', async () => {
    const file = `import { appendFileSync } from 'node:fs'
import { test } from 'vitest'
test('t', async ({ bench }) => {
  const log = (word) => appendFileSync(import.meta.dirname + '/log', word + ' ')
  await bench('a', async () => { log('in'); await new Promise((resolve) => setTimeout(resolve, 100)); log('out') }).run({ iterations: 2, time: 0, warmup: false })
})`
    const config = { 'with.config.mts': configOf('criu()') }
    await using project = await temporaryProject({ ...config, 'one.bench.ts': file, 'two.bench.ts': file })
    const { status, stderr } = await bench(project, 'with')
    expect(status, stderr).toBe(0)
    expect(await readFile(join(project.path, 'log'), 'utf8')).toBe('in out '.repeat(4))
  })

  test('that -t does not select leave the exit status as it is', async () => {
    await using project = await temporaryProject({
      'with.config.mts': configOf('criu()'),
      'own.bench.ts': OWN,
    })
    expect(await bench(project, 'with', '-t', 'no such test')).toMatchObject({ status: 0 })
  })
})

/** Suites of a project where they cannot be measured. */
describe('a suite', () => {
  const SUITE = {
    'own.bench.ts': `import { restoreSuite } from '${API}'\nrestoreSuite({ sizes: ['1MB'] })\n`,
  }

  test('in a project without the plugin says what to add', async () => {
    await using project = await temporaryProject({ ...SUITE, 'without.config.mts': configOf('') })
    const { status, stderr } = await bench(project, 'without')
    expect(status).toBe(1)
    expect(stderr).toContain(
      'cannot use restoreSuite() in this file\n  found:    a unit test, or a project without the plugin',
    )
  })

  test('in a unit test says that it is a benchmark', async () => {
    await using project = await temporaryProject({
      'own.test.ts': SUITE['own.bench.ts'],
      'with.config.mts': `import { criu } from '${API}'\nexport default { plugins: [criu()] }\n`,
    })
    const argv = [process.execPath, VITEST, 'run', '--config', 'with.config.mts']
    const { status, stderr } = await outcomeOf(argv, {}, project.path)
    expect(status).toBe(1)
    expect(stderr).toContain('cannot use restoreSuite() in this file\n  found:    a unit test')
    expect(stderr).toContain('name the file *.bench.ts, run npx vitest bench')
  })
})
