import { chown, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { outcomeOf, PROJECT, VITEST } from '../testing/commands.ts'
import type { TemporaryFolder } from '../testing/folders.ts'
import { API, temporaryProject } from '../testing/projects.ts'

/** Shows this tree at a path that everybody may read. */
const VISIBLE = ['unshare', '--mount', 'sh', '-ec', 'mount --bind "$1" /mnt; shift; exec "$@"', 'sh', PROJECT]
const visible = (path: string): string => path.replace(PROJECT, '/mnt/')
const NOBODY = 65_534

/** How vitest itself is run: as root, as an ordinary user, and on a machine without /proc. */
const MACHINES = {
  'as root': VISIBLE,
  'as nobody': [...VISIBLE, 'setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'],
  'without /proc': [...VISIBLE, 'sh', '-ec', 'mount -t tmpfs none /proc; exec "$@"', 'sh'],
}
type Machine = keyof typeof MACHINES

const PLUGIN = `import { criu } from '${visible(API)}'\n`
const OPTIONS = `testTimeout: 200, include: ['unit/*.test.ts'], benchmark: { include: ['bench/*.bench.ts'] }`
const configOf = (plugins: string): string =>
  `export default { plugins: [${plugins}], test: { ${OPTIONS} } }\n`
const FILES = {
  'without.config.mts': configOf(''),
  'with.config.mts': `${PLUGIN}${configOf("criu({ baseline: 'missing' })")}`,
  'unit/own.test.ts': `
import { describe, expect, test } from 'vitest'
test('adds 4MB', () => expect(4).toBe(4))
test('adds 64MB', () => expect(64).toBe(64))
describe('tmpfs', () => test('64MB', () => {}))
test('fails', () => expect.fail('on purpose'))
// Skipped in this project on purpose: it must stay so with the plugin.
test.skip('is skipped', () => {})
test('takes longer than the time limit', () => new Promise((resolve) => { setTimeout(resolve, 400) }))
`,
}
/** Variables that other programs set, one of them wrong for this project, and one that nobody knows. */
const VARIABLES = { MEMORY_SIZE: '512M', CONTAINER_NAME: '-x', VITEST_CRIU_UNKNOWN: '1' }

const Report = z.object({
  testResults: z.array(
    z.object({ assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })) }),
  ),
})

/** The unit tests of a project that an ordinary user can read, too. */
async function unitTests(): Promise<TemporaryFolder> {
  const project = await temporaryProject(FILES, visible(PROJECT))
  for (const name of ['', 'unit']) await chown(join(project.path, name), NOBODY, NOBODY)
  return project
}

/** The state of each test, from the report of vitest's JSON reporter. */
async function testsIn(report: string, stderr: string) {
  const json = await readFile(report, 'utf8').catch((cause: unknown) => {
    throw new Error(stderr, { cause })
  })
  return Report.parse(JSON.parse(json)).testResults.flatMap(({ assertionResults }) => assertionResults)
}

/** The unit tests with and without the plugin: exit status, and the state of each test. */
async function outcomes(machine: Machine, args: readonly string[]) {
  await using project = await unitTests()
  const outcome = async (config: string) => {
    const report = join(project.path, `${config}.json`)
    const vitest = [...MACHINES[machine], visible(process.execPath), visible(VITEST), 'run', '--configLoader', 'native'] // prettier-ignore
    const options = ['--config', `${config}.config.mts`, '--reporter=json', `--outputFile=${report}`, ...args]
    const environment = { ...VARIABLES, HOME: project.path }
    const { status, stderr } = await outcomeOf([...vitest, ...options], environment, project.path)
    return { status, tests: await testsIn(report, stderr) }
  }
  const [withPlugin, without] = await Promise.all([outcome('with'), outcome('without')])
  return { with: withPlugin, without }
}

const PATTERNS = [
  '4MB',
  '64MB',
  '64mb',
  'tmpfs',
  'tmpfs 64MB',
  'tmpfs > 64MB',
  '^adds',
  'fails|skipped',
  'no such test',
]

/** What `vitest run -t PATTERN` does for each pattern and configuration, in one process, which loads vitest once. */
const EACH_PATTERN = `
import { writeFileSync } from 'node:fs'
import { startVitest } from 'vitest/node'
const statuses = {}
for (const testNamePattern of process.argv.slice(2))
  for (const name of ['with', 'without']) {
    const report = name + ' ' + testNamePattern
    const options = { config: name + '.config.mts', configLoader: 'native', watch: false, pool: 'threads', testNamePattern, reporters: ['json'], outputFile: report + '.json' }
    process.exitCode = 0
    await (await startVitest('test', [], options)).close()
    statuses[report] = process.exitCode
  }
process.exitCode = 0
writeFileSync('statuses.json', JSON.stringify(statuses))
`

/** The outcomes of each pattern, by pattern. */
async function outcomesOfPatterns() {
  await using project = await unitTests()
  await writeFile(join(project.path, 'each-pattern.mjs'), EACH_PATTERN)
  const argv = [...MACHINES['as root'], visible(process.execPath), 'each-pattern.mjs', ...PATTERNS]
  const { stderr } = await outcomeOf(argv, { ...VARIABLES, HOME: project.path }, project.path)
  const json = await readFile(join(project.path, 'statuses.json'), 'utf8').catch((cause: unknown) => {
    throw new Error(stderr, { cause })
  })
  const statuses = z.record(z.string(), z.number()).parse(JSON.parse(json))
  const outcome = async (report: string) => ({
    status: statuses[report],
    tests: await testsIn(join(project.path, `${report}.json`), stderr),
  })
  const both = async (pattern: string) => ({
    with: await outcome(`with ${pattern}`),
    without: await outcome(`without ${pattern}`),
  })
  return new Map(await Promise.all(PATTERNS.map(async (pattern) => [pattern, await both(pattern)] as const)))
}

describe('unit tests as root', () => {
  let ofPattern: Awaited<ReturnType<typeof outcomesOfPatterns>>
  beforeAll(async () => {
    ofPattern = await outcomesOfPatterns()
  })

  test.for(PATTERNS)('selected by "%s", end as without the plugin', (pattern) => {
    const both = ofPattern.get(pattern)
    expect(both?.without.tests).toHaveLength(6)
    expect(both?.without.status).toBeTypeOf('number')
    expect(both?.with).toEqual(both?.without)
  })
})

test.for([
  ['as root', []],
  ['as nobody', ['-t', '4MB']],
  ['without /proc', ['-t', '4MB']],
] as const)('unit tests %s, with the arguments %j, end as without the plugin', async ([machine, args]) => {
  const both = await outcomes(machine, args)
  expect(both.without.tests).toHaveLength(6)
  expect(both.with).toEqual(both.without)
})

test.for([
  ['are skipped with the reason', [], 0],
  ['fail with the reason when a file names them', ['own.bench'], 1],
  ['fail with the reason when -t names them', ['-t', 'tmpfs 1MB'], 1],
] as const)('benchmarks of an ordinary user %s', async ([, args, expected]) => {
  await using project = await temporaryProject(
    {
      'vitest.config.mts': `${PLUGIN}${configOf('criu()')}`,
      'bench/own.bench.ts': `import { restoreSuite } from '${visible(API)}'\nrestoreSuite({ sizes: ['1MB'] })\n`,
    },
    visible(PROJECT),
  )
  for (const name of ['', 'bench']) await chown(join(project.path, name), NOBODY, NOBODY)
  const argv = [...MACHINES['as nobody'], visible(process.execPath), visible(VITEST), 'bench', '--run']
  const { status, stdout, stderr } = await outcomeOf(
    [...argv, '--configLoader', 'native', ...args],
    { HOME: project.path },
    project.path,
  )
  expect(status, stdout + stderr).toBe(expected)
  expect(stdout + stderr).toContain(`cannot mount, dump or restore anything\n  found:    uid ${NOBODY}`)
})
