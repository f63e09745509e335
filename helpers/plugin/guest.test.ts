import { chown, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { outcomeOf, PROJECT, VITEST } from '../testing/commands.ts'
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

/** The unit tests with and without the plugin: exit status, and the state of each test. */
async function outcomes(machine: Machine, args: readonly string[]) {
  await using project = await temporaryProject(FILES, visible(PROJECT))
  for (const name of ['', 'unit']) await chown(join(project.path, name), NOBODY, NOBODY)
  const outcome = async (config: string) => {
    const report = join(project.path, `${config}.json`)
    const vitest = [
      ...MACHINES[machine],
      visible(process.execPath),
      visible(VITEST),
      'run',
      '--configLoader',
      'native',
    ]
    const options = ['--config', `${config}.config.mts`, '--reporter=json', `--outputFile=${report}`, ...args]
    const { status, stderr } = await outcomeOf(
      [...vitest, ...options],
      { ...VARIABLES, HOME: project.path },
      project.path,
    )
    const json = await readFile(report, 'utf8').catch((cause: unknown) => {
      throw new Error(stderr, { cause })
    })
    const { testResults } = Report.parse(JSON.parse(json))
    return { status, tests: testResults.flatMap(({ assertionResults }) => assertionResults) }
  }
  const [withPlugin, without] = await Promise.all([outcome('with'), outcome('without')])
  return { with: withPlugin, without }
}

const CASES: ReadonlyArray<readonly [Machine, string]> = [
  ...[
    '',
    '4MB',
    '64MB',
    '64mb',
    'tmpfs',
    'tmpfs 64MB',
    'tmpfs > 64MB',
    '^adds',
    'fails|skipped',
    'no such test',
  ].map((pattern) => ['as root', pattern] as const),
  ['as nobody', '4MB'],
  ['without /proc', '4MB'],
]

test.for(CASES)('unit tests %s, selected by "%s", end as without the plugin', async ([machine, pattern]) => {
  const both = await outcomes(machine, pattern === '' ? [] : ['-t', pattern])
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
