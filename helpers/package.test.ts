import { globSync } from 'node:fs'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { basename, delimiter, dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { unpack } from './programs/pack.ts'
import { npmSettings, outcomeOf, PROJECT, type Ended } from './testing/commands.ts'
import { temporaryFolder } from './testing/folders.ts'
import { expectNothingLeft } from './testing/leaks.ts'

/**
 * Tests the package as a new user installs it: packed, then installed with vitest in an empty folder outside the tree,
 * set up by `init`, and run.
 */
const HAS_NODE = ['x64', 'arm64'].includes(process.arch)
/** The oldest Node that is supported, and one that is not. */
const OTHER_NODES = ['22', '20']
/** The Node that runs this test comes before any other Node of the machine. */
const PATH = [dirname(process.execPath), process.env['PATH']].join(delimiter)
const BENCH = { MEMORY_SIZE: '1048576', VITEST_CRIU_ITERATIONS: '2', VITEST_CRIU_WARMUP: '0' }

/** The output of `npm pack --json`: the size in bytes, and paths within the package. */
const Pack = z.object({ size: z.int(), files: z.array(z.object({ path: z.string() })) })
const Manifest = z.looseObject({
  version: z.string(),
  scripts: z.record(z.string(), z.string()),
  dependencies: z.record(z.string(), z.string()),
})
const manifestOf = async (folder: string): Promise<z.infer<typeof Manifest>> =>
  Manifest.parse(JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')))

let place: Awaited<ReturnType<typeof temporaryFolder>>
let tarball: string
let packed: z.infer<typeof Pack>
let app: string
let installed: string

const inApp = (argv: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ended> =>
  outcomeOf(argv, { PATH, ...environment }, app)

async function done(argv: readonly string[], folder: string): Promise<string> {
  const { status, stdout, stderr } = await outcomeOf(argv, { ...npmSettings(), PATH }, folder)
  expect(status, `${argv.join(' ')}: ${stdout}${stderr}`).toBe(0)
  return stdout
}

beforeAll(async () => {
  place = await temporaryFolder()
  app = await makeApp()
  installed = join(app, 'node_modules/vitest-criu')
}, 300_000)

afterAll(() => place[Symbol.asyncDispose]())

async function makeApp(): Promise<string> {
  const folder = place.path
  const answer = await done(['npm', 'pack', '--json', '--pack-destination', folder], PROJECT)
  // The output of `prepack` comes before the JSON. Older versions of npm print a list, newer ones a record.
  const packs = z
    .record(z.string(), Pack)
    .or(z.array(Pack))
    .parse(JSON.parse(answer.slice(answer.search(/^[[{]$/m))))
  packed = Object.values(packs)[0] ?? expect.fail(answer)
  tarball = globSync(join(folder, '*.tgz'))[0] ?? expect.fail('no tarball')
  await writeFile(join(folder, 'package.json'), '{}')
  const npm = ['npm', 'install', '--prefer-offline', '--no-audit', '--no-fund']
  await done([...npm, '--save-dev', 'vitest@^5.1.0', '@types/node', tarball], folder)
  for (const version of HAS_NODE ? OTHER_NODES : [])
    await done([...npm, '--prefix', `node${version}`, `node-linux-${process.arch}@${version}`], folder)
  return folder
}

describe('the package', () => {
  test('is small, and contains neither tests nor their support files', () => {
    const paths = packed.files.map(({ path }) => path)
    expect(packed.size).toBeLessThan(2 * 1024 * 1024)
    expect(
      paths.filter(
        (path) =>
          /\.test|testing|scenes|foreign|functions/.test(path) && !path.startsWith('fixtures/examples/'),
      ),
    ).toEqual([])
    expect(paths).toEqual(
      expect.arrayContaining([
        'README.md',
        'LICENSE',
        'dist/helpers/index.js',
        'dist/helpers/index.d.ts',
        'fixtures/examples/node-server/server.mjs',
      ]),
    )
  })

  test('ships each page of the documentation once, where links expect it', () => {
    const pages = packed.files.map(({ path }) => path).filter((path) => path.endsWith('README.md'))
    expect(pages.toSorted()).toEqual([
      'README.md',
      'bench/README.md',
      'fixtures/README.md',
      'helpers/README.md',
      'helpers/cli/README.md',
      'reports/README.md',
    ])
  })

  test('has no install scripts, and does not depend on a Node package', async () => {
    const { scripts, dependencies, ...rest } = await manifestOf(installed)
    expect(Object.keys(scripts).filter((name) => name.endsWith('install'))).toEqual([])
    expect(Object.keys(dependencies).filter((name) => name.startsWith('node'))).toEqual([])
    expect(rest).not.toHaveProperty('optionalDependencies')
  })

  test('ships a binary of every C program that it starts', async () => {
    const started = new Set<string>()
    for (const file of globSync(join(installed, 'dist/**/*.js')))
      for (const [, source = ''] of (await readFile(file, 'utf8')).matchAll(
        /(?:compile|isPrebuilt)\(fixture\('([^']+)'/g,
      ))
        started.add(basename(source, '.c'))
    const binaries = await readFile(join(installed, `dist/prebuilt/${process.arch}.br`))
    const brought = [...unpack(binaries).keys()].map((name) => name.replace(/-\w{16}$/, ''))
    expect(brought.toSorted()).toEqual([...started].toSorted())
  })

  test('passes publint', async () => {
    expect(await done(['npx', 'publint', 'run', tarball, '--strict'], PROJECT)).toContain('All good!')
  })

  test('passes "are the types wrong"', async () => {
    // The package has ES modules only, like vitest.
    const argv = ['npx', 'attw', tarball, '--profile', 'esm-only', '--format', 'ascii']
    const { status, stdout } = await outcomeOf(argv, { ...npmSettings(), PATH })
    expect(status, stdout).toBe(0)
  })
})

describe('an empty project', () => {
  beforeAll(() => done(['npx', 'vitest-criu', 'init'], app))

  test('runs the CLI by npx vitest-criu', async () => {
    const { version } = await manifestOf(PROJECT)
    expect(await inApp(['npx', 'vitest-criu', '--version'])).toMatchObject({
      status: 0,
      stdout: `${version}\n`,
    })
  })

  test('gets errors whose fix is a command that works there', async () => {
    const { status, stderr } = await inApp(['npx', 'vitest-criu', 'unmount'], { ROOTFS_ABS_PATH: app })
    expect(status).toBe(1)
    expect(stderr).toMatch(/^  fix: +npx vitest-criu mount$/m)
  })

  test.for([
    ['this Node', process.version, ''],
    ['Node 22', 'v22.', 'node22/node_modules/.bin'],
  ])(
    'runs npx vitest bench, which prints a complete table (%s)',
    async ([, version = '', node = ''], { skip }) => {
      if (node !== '' && !HAS_NODE) skip(`no npm package has a Node for ${process.arch}`)
      const path = [join(app, node), PATH].join(delimiter)
      const { status, stdout, stderr } = await expectNothingLeft(() =>
        inApp(['npx', 'vitest', 'bench', '--run'], { ...BENCH, PATH: path, VITEST_CRIU_TOLERANCE: '1000' }),
      )
      expect(status, stderr).toBe(0)
      expect(rowsOf(stdout)).toEqual([
        'dump',
        'rewrite',
        'lean container',
        'restore',
        'execution',
        'cold start',
      ])
      expect(await readFile(join(app, 'reports/out/results.html'), 'utf8')).toContain(
        '<h1>A 1MB process starts',
      )
      expect((await inApp(['node', '--version'], { PATH: path })).stdout).toContain(version)
    },
  )

  test("gets annotations at its own suites from vitest's default reporters in a GitHub workflow", async () => {
    const environment = { ...BENCH, VITEST_CRIU_TOLERANCE: '0.001', GITHUB_ACTIONS: 'true' }
    const { status, stdout } = await expectNothingLeft(() =>
      inApp(['npx', 'vitest', 'bench', '--run', 'bench/start'], environment),
    )
    expect(status).toBe(1)
    const annotations = [...stdout.matchAll(/^::error file=(.*?),title=.* > ([\w ]+),line=(\d+)/gm)]
    const suite = (await readFile(join(app, 'bench/start.bench.ts'), 'utf8')).split('\n')
    const line = String(suite.findIndex((text) => text.startsWith('restoreSuite(')) + 1)
    expect(annotations.map(([, file, phase, at]) => [file, phase, at])).toEqual(
      ['dump', 'lean container', 'restore', 'execution', 'cold start'].map((phase) => [
        join(app, 'bench/start.bench.ts'),
        phase,
        line,
      ]),
    )
  })

  test('is told first of all that Node 20 is too old', async ({ skip }) => {
    if (!HAS_NODE) skip(`no npm package has a Node for ${process.arch}`)
    const path = [join(app, 'node20/node_modules/.bin'), PATH].join(delimiter)
    const doctor = await inApp(['npx', 'vitest-criu', 'doctor'], { PATH: path })
    expect(doctor).toMatchObject({ status: 1, stderr: '' })
    expect(doctor.stdout).toMatch(/^MISSING node: v20\..*\n        fix: install Node 22\.12 or later\n$/)
    for (const command of [
      ['vitest-criu', 'report'],
      ['vitest', 'bench', '--run'],
    ]) {
      const { status, stdout, stderr } = await inApp(['npx', ...command], { PATH: path })
      expect(status).toBe(1)
      expect(stdout + stderr).toContain('cannot run on this version of Node')
      expect(stdout + stderr).not.toContain('is not a function')
    }
  })

  test.each(EXAMPLES)('runs the example %s, which passes its gate', async (example, figures, file) => {
    await cp(join(installed, 'fixtures/examples', example), join(app, example), { recursive: true })
    const command = ['npx', 'vitest', ...(file.endsWith('.test.ts') ? ['run'] : ['bench', '--run'])]
    const { status, stdout, stderr } = await expectNothingLeft(() =>
      inApp([...command, '--root', example, file], { VITEST_CRIU_ITERATIONS: '3' }),
    )
    expect(status, stdout + stderr).toBe(0)
    for (const figure of figures) expect(stdout).toMatch(new RegExp(`^\\| +${figure} +\\|`, 'm'))
  })

  test('gets the same vitest_criu.py from the package as in the Python example', async () => {
    const shipped = await readFile(join(installed, 'dist/fixtures/languages/vitest_criu.py'), 'utf8')
    const copied = join(PROJECT, 'fixtures/examples/python-function/vitest_criu.py')
    expect(await readFile(copied, 'utf8')).toBe(shipped)
  })

  test('needs neither a compiler nor a cache', async () => {
    const environment = { ...BENCH, VITEST_CRIU_HANDLER: 'native', VITEST_CRIU_STRATEGIES: 'mapped,lazy' }
    const { status, stdout, stderr } = await expectNothingLeft(() =>
      inApp([...BARE, 'npx', 'vitest', 'bench', '--run', 'bench/'], environment),
    )
    expect(status, stderr).toBe(0)
    expect(rowsOf(stdout)).toContain('drain')
    // Without a compiler these can only be the binaries from the package.
    const unpacked = /^vitest-criu cache: .*$/m.exec(stdout)?.[0]
    for (const program of ['control', 'lazy-restore', 'lean-container', 'memory-control', 'native-handler'])
      expect(unpacked).toMatch(new RegExp(` ${program}-\\w{16}( |$)`))
  })

  test('gets a list of what to install on a machine without CRIU', async () => {
    const argv = [...BARE, 'sh', '-c', WITHOUT_CRIU]
    const { status, stdout, stderr } = await inApp(argv, { DEBIAN_MIRROR: 'http://127.0.0.1:9/debian' })
    expect(status, stderr).toBe(1)
    expect(stdout).toContain('ok      compiler: not needed')
    expect(stdout).toMatch(
      /^MISSING criu: [^]*fix: +install a criu of 4.1.1 or later .* apt-get install gcc libc6-dev musl-tools make /m,
    )
  })

  test('gets a suite and a configuration from init that pass a strict type check', async () => {
    const compilerOptions = {
      strict: true,
      noEmit: true,
      target: 'es2024',
      lib: ['es2024', 'esnext.disposable'],
      module: 'nodenext',
      types: ['node'],
    }
    await writeFile(
      join(app, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, include: ['bench', '*.mts'] }),
    )
    expect(await inApp([join(PROJECT, 'node_modules/.bin/tsc')])).toMatchObject({ status: 0, stdout: '' })
  })
})

/** The projects in fixtures/examples: the rows that their tables must have, and the file to run. */
const EXAMPLES = [
  ['python-function', ['startup', 'restore', 'execution', 'speedup'], 'restore.bench.ts'],
  ['node-function', ['startup', 'restore', 'execution', 'speedup'], 'restore.bench.ts'],
  ['node-server', ['first response', 'speedup'], 'restore.bench.ts'],
  ['node-server', [], 'restore.test.ts'],
  ['line-server', [], 'restore.test.ts'],
] as const

/** Simulates a machine with CRIU in the cache, but without a compiler and without other compiled programs. */
const WITHOUT_COMPILER = `
mount -t tmpfs none /mnt
cp -r /var/cache/vitest-criu/criu-* /mnt
mount --move /mnt /var/cache/vitest-criu
for gcc in $(which -a gcc); do mount --bind /bin/false "$gcc"; done
"$@"
echo vitest-criu cache: $(ls /var/cache/vitest-criu)`
const BARE = ['unshare', '--mount', 'sh', '-ec', WITHOUT_COMPILER, 'sh']

const WITHOUT_CRIU = `
rm -r /var/cache/vitest-criu/*
for criu in $(which -a criu); do mount --bind /bin/false "$criu"; done
npx vitest-criu doctor`

/** The phases that have a figure in a printed table. */
const rowsOf = (output: string): string[] =>
  [...output.matchAll(/^\| (\S[^|]*?) +\| +[\d.]+ (?:[\d.]+× [✓✗]|·) \|$/gm)].map(([, phase = '']) => phase)
