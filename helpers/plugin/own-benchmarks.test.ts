import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { Results } from '../../reports/results.ts'
import { BENCH, outcomeOf, VITEST, type Ended } from '../testing/commands.ts'
import type { TemporaryFolder } from '../testing/folders.ts'
import { API, temporaryProject } from '../testing/projects.ts'

const SIDE_BY_SIDE = API.replace('index.ts', 'plugin/side-by-side.ts')

const configOf = (plugins: string, benchmark = ''): string =>
  `import { criu } from '${API}'\nexport default { plugins: [${plugins}], test: { benchmark: { include: ['*.bench.ts'], ${benchmark} } } }\n`

/** Runs `vitest bench` in a project, with one of its configurations. */
const bench = (project: TemporaryFolder, config: string, ...args: readonly string[]): Promise<Ended> =>
  outcomeOf([...BENCH, '--config', `${config}.config.mts`, ...args], {}, project.path)

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

/** Leaves in a log when it is at work. */
const ALONE = `
import { appendFileSync } from 'node:fs'
import { test } from 'vitest'
test('t', async ({ bench }) => {
  const log = (word) => appendFileSync(import.meta.dirname + '/log', word + ' ')
  await bench('a', async () => { log('in'); await new Promise((resolve) => setTimeout(resolve, 100)); log('out') }).run({ iterations: 2, time: 0, warmup: false })
})`
/** A suite of this plugin. */
const SUITE = `import { restoreSuite } from '${API}'\nrestoreSuite({ sizes: ['1MB'] })\n`

const Report = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      message: z.string(),
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

/** The files of a run by name: the error of each, and its tests: their states, errors without stacks, what they saw. */
async function recordOf(project: TemporaryFolder, config: string, ...files: readonly string[]) {
  const report = join(project.path, `${config}.json`)
  const { status, stderr } = await bench(
    project,
    config,
    '--reporter=json',
    `--outputFile=${report}`,
    ...files,
  )
  const text = await readFile(report, 'utf8').catch((cause: unknown) => {
    throw new Error(stderr, { cause })
  })
  const testsOf = ({ assertionResults }: z.infer<typeof Report>['testResults'][number]) =>
    assertionResults.map(({ failureMessages, ...rest }) => ({
      ...rest,
      errors: failureMessages.map((message) => message.split('\n')[0]),
    }))
  const { testResults } = Report.parse(JSON.parse(text))
  const recorded = testResults.map((file) => [basename(file.name), { message: file.message, tests: testsOf(file) }] as const) // prettier-ignore
  return { status, files: Object.fromEntries(recorded) }
}

describe('benchmarks of other functions', () => {
  test('run as without the plugin, field by field, and files never at once; a suite without the plugin says what to add', async () => {
    await using project = await temporaryProject({
      'with.config.mts': configOf('criu()'),
      'without.config.mts': configOf(''),
      'own.bench.ts': OWN,
      'suite.bench.ts': SUITE,
      'one.bench.ts': ALONE,
      'two.bench.ts': ALONE,
    })
    const without = await recordOf(project, 'without', 'own.bench', 'suite.bench')
    const own = without.files['own.bench.ts']
    expect(own?.tests.map(({ status }) => status)).toEqual(['passed', 'failed', 'failed', 'failed'])
    expect(without.files['suite.bench.ts']?.message).toContain(
      'cannot use restoreSuite() in this file\n  found:    a unit test, or a project without the plugin',
    )
    expect(without.status).toBe(1)

    const { files } = await recordOf(project, 'with', 'own.bench', 'one.bench', 'two.bench')
    expect(files['own.bench.ts']).toEqual(own)
    for (const name of ['one.bench.ts', 'two.bench.ts'])
      expect(files[name]?.tests).toMatchObject([{ status: 'passed' }])
    expect(await readFile(join(project.path, 'log'), 'utf8')).toBe('in out '.repeat(4))
  })

  test("run on the provider of the user's own configuration, beside tests that put tables into the results", async () => {
    await using project = await temporaryProject({
      'with.config.mts': configOf('criu()', "provider: './provider.ts'"),
      'provider.ts': `export default { run: async ({ registrations }: { registrations: { name: string }[] }) => {
  console.log('own provider: ' + registrations.map(({ name }) => name).join(', '))
  const zeros = { samples: [1], mean: 1, min: 1, max: 1 }
  return registrations.map(({ name }) => ({ name, latency: zeros, throughput: zeros, period: 1, totalTime: 1 }))
} }`,
      'own.bench.ts': `import { test } from 'vitest'
test('t', ({ bench }) => bench.compare(bench('a', () => {}), bench('b', () => {})))`,
      'table.bench.ts': `import { expect, test } from 'vitest'
import { reportSideBySide } from '${SIDE_BY_SIDE}'
test('one', (context) => {
  reportSideBySide(context, { title: 'containers', note: 'Of one run.', columns: [{ name: 'rate', unit: '1/s' }],
    rows: [{ name: 'runc', values: [{ value: 40.123, n: 3 }] }] })
  expect(1).toBe(1)
})`,
    })
    const { status, stdout, stderr } = await bench(project, 'with')
    expect(status, stderr).toBe(0)
    expect(stdout).toContain('own provider: a, b')
    const json = await readFile(join(project.path, 'reports/out/results.json'), 'utf8')
    const results = Results.parse(JSON.parse(json))
    expect(results.suites).toEqual([])
    expect(results.sideBySide).toMatchObject([{ title: 'containers', rows: [{ name: 'runc' }] }])
    expect(stdout).toContain('| runc       | 40.1, n 3 |')
  })

  test('that -t does not select leave the exit status as it is', async () => {
    await using project = await temporaryProject({
      'with.config.mts': configOf('criu()'),
      'own.bench.ts': OWN,
    })
    expect(await bench(project, 'with', '-t', 'no such test')).toMatchObject({ status: 0 })
  })
})

test('a suite in a unit test says that it is a benchmark', async () => {
  await using project = await temporaryProject({
    'own.test.ts': SUITE,
    'with.config.mts': `import { criu } from '${API}'\nexport default { plugins: [criu()] }\n`,
  })
  const argv = [process.execPath, VITEST, 'run', '--config', 'with.config.mts']
  const { status, stderr } = await outcomeOf(argv, {}, project.path)
  expect(status).toBe(1)
  expect(stderr).toContain('cannot use restoreSuite() in this file\n  found:    a unit test')
  expect(stderr).toContain('name the file *.bench.ts, run npx vitest bench')
})
