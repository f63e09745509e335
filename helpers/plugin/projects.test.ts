import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { Results } from '../../reports/results.ts'
import { keyOf, nameOf, rowsOf } from '../../reports/rows.ts'
import { outcomeOf, VITEST, type Ended } from '../testing/commands.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { API, temporaryProject } from '../testing/projects.ts'

const SUITE = `import { restoreSuite } from '${API}'\nrestoreSuite({ handler: 'native' })\n`
const project = (name: string, rest: string): string =>
  `{ ${rest}, test: { name: '${name}', include: [], benchmark: { include: ['${name}/*.bench.ts'] } } }`
/** A suite that is not gated has an assertion, too: that it was measured. */
const configOf = (plugins: string, ...projects: readonly string[]): string =>
  `import { criu } from '${API}'\nexport default { ${plugins} test: { expect: { requireAssertions: true }, projects: [${projects.join(', ')}] } }\n`

interface BenchRun extends Ended {
  readonly results: Results | undefined
  /** Of every export that names figures or suites, the names. */
  readonly names: Readonly<Record<'bencher' | 'github' | 'junit', string[]>>
}

/** Runs every benchmark of a project with this configuration. */
async function runProjects(config: string, files: Readonly<Record<string, string>>): Promise<BenchRun> {
  await using folder = await temporaryProject({ 'vitest.config.mts': config, ...files })
  const ended = await expectNothingLeft(() =>
    outcomeOf([process.execPath, VITEST, 'bench', '--run'], { VITEST_CRIU_WARMUP: '0' }, folder.path),
  )
  const text = (name: string): Promise<string> =>
    readFile(join(folder.path, 'reports/out', name), 'utf8').catch(() => '')
  const json = await text('results.json')
  if (json === '') return { ...ended, results: undefined, names: { bencher: [], github: [], junit: [] } }
  const github = z
    .array(z.object({ name: z.string() }))
    .parse(JSON.parse(await text('github-benchmark.json')))
  const bencher = z.record(z.string(), z.unknown()).parse(JSON.parse(await text('bencher.json')))
  const junit = [...(await text('junit.xml')).matchAll(/<testsuite name="([^"]*)"/g)]
  const names = {
    bencher: Object.keys(bencher),
    github: github.map(({ name }) => name),
    junit: junit.map(([, name = '']) => name.replaceAll('&gt;', '>')),
  }
  return { ...ended, results: Results.parse(JSON.parse(json)), names }
}

test('projects that extend a root with the plugin have one table, where suites of the same name are told apart', async () => {
  const config = configOf(
    "plugins: [criu({ sizes: ['1MB'], iterations: 1 })],",
    project('first', 'extends: true'),
    // The plugin twice: its own options win.
    project('second', "extends: true, plugins: [criu({ sizes: ['1MB', '2MB'], iterations: 1 })]"),
    // A project without the plugin, and with a benchmark of its own.
    project('third', 'extends: false'),
  )
  const { status, stdout, stderr, results, names } = await runProjects(config, {
    'first/one.bench.ts': SUITE,
    'first/two.bench.ts': SUITE,
    'second/one.bench.ts': SUITE,
    'third/own.bench.ts': "import { test } from 'vitest'\ntest('own', ({ bench }) => bench('f', () => {}).run({ iterations: 2, time: 0 }))\n", // prettier-ignore
  })
  expect(status, stdout + stderr).toBe(0)
  expect(stdout.match(/^results: /gm)).toHaveLength(1)
  expect(results?.suites.map(nameOf)).toEqual([
    'tmpfs 1MB mapped native (first > first/one.bench.ts)',
    'tmpfs 1MB mapped native (first > first/two.bench.ts)',
    'tmpfs 1MB mapped native (second > second/one.bench.ts)',
    'tmpfs 2MB mapped native',
  ])
  const rows = results ? rowsOf(results).map(keyOf) : []
  expect(new Set(rows).size).toBe(24)
  expect(names.bencher).toEqual(rows)
  expect(names.github).toEqual(rows)
  expect(names.junit).toEqual(results?.suites.map(nameOf))
  expect(stdout.match(/^\| ms/gm)).toHaveLength(4)
})

test('two projects with options of their own have one table, and each is told its options', async () => {
  const config = configOf(
    '',
    project('first', "plugins: [criu({ sizes: ['1MB'], iterations: 1 })]"),
    project('second', "plugins: [criu({ sizes: ['4MB'], iterations: 2, tolerance: 1000 })]"),
  )
  const files = { 'first/one.bench.ts': SUITE, 'second/one.bench.ts': SUITE }
  const { status, stdout, stderr, results } = await runProjects(config, files)
  expect(status, stdout + stderr).toBe(0)
  expect(results?.suites.map(({ label, samples }) => [label, samples.length])).toEqual([
    ['1MB', 1],
    ['4MB', 2],
  ])
  expect(stdout.match(/^\| ms .*1MB .*4MB/gm)).toHaveLength(1)
  expect(stdout).toContain('project first: sizes 1MB; iterations 1; tolerance 2\n')
  expect(stdout).toContain('project second: sizes 4MB; iterations 2; tolerance 1000\n')
  expect(results?.options).not.toHaveProperty('sizes')
  expect(results?.options).toHaveProperty('warmup', 0)
})

test('projects with different baselines cannot share a folder of results', async () => {
  const { status, stdout, stderr } = await runProjects(
    configOf(
      '',
      project('first', "plugins: [criu({ save: 'one' })]"),
      project('second', "plugins: [criu({ save: 'two' })]"),
    ),
    { 'first/one.bench.ts': SUITE, 'second/one.bench.ts': SUITE },
  )
  expect(status).toBe(1)
  expect(stdout + stderr).toContain(
    'cannot report these projects together: first, second\n  found:    the same option output, and different values of save',
  )
})
