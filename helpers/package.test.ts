import { globSync } from 'node:fs'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { done, HAS_NODE, installPackage, manifestOf, OLDEST, type Installation } from './package.testing.ts'
import { unpack } from './programs/pack.ts'
import { PROJECT } from './testing/commands.ts'
import { expectNothingLeft } from './testing/leaks.ts'

/**
 * Tests the package as a new user installs it: packed, then installed with vitest in an empty folder outside the tree,
 * set up by `init`, and run.
 */
const BENCH = { MEMORY_SIZE: '1048576', VITEST_CRIU_ITERATIONS: '2', VITEST_CRIU_WARMUP: '0' }

/** A program of this project's own development. */
const bin = (name: string): string => join(PROJECT, 'node_modules/.bin', name)

let place: Installation
let packed: Installation['packed']
let app: string
let installed: string
let inApp: Installation['inApp']

beforeAll(async () => {
  place = await installPackage()
  ;({ packed, app, installed, inApp } = place)
}, 300_000)

afterAll(() => place[Symbol.asyncDispose]())

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

  test.concurrent('passes publint', async () => {
    expect(await done([bin('publint'), 'run', packed.tarball, '--strict'], PROJECT)).toContain('All good!')
  })

  test.concurrent('passes "are the types wrong"', async () => {
    // The package has ES modules only, like vitest.
    const argv = [bin('attw'), packed.tarball, '--profile', 'esm-only', '--format', 'ascii']
    expect(await done(argv, PROJECT)).not.toBe('')
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

  test('runs npx vitest bench, which prints a complete table', async () => {
    const { status, stdout, stderr } = await expectNothingLeft(() =>
      inApp(['npx', 'vitest', 'bench', '--run'], { ...BENCH, VITEST_CRIU_TOLERANCE: '1000' }),
    )
    expect(status, stderr).toBe(0)
    expect(rowsOf(stdout)).toEqual(ROWS)
    expect(await readFile(join(app, 'reports/out/results.html'), 'utf8')).toContain(PAGE)
    expect((await inApp(['node', '--version'])).stdout).toContain(process.version)
  })

  test('needs neither a compiler nor a cache, on the oldest Node', async () => {
    const suites = await readFile(join(app, 'bench/start.bench.ts'), 'utf8')
    const both = `${suites}\nrestoreSuite({ handler: 'native', strategies: ['mapped', 'lazy'] })\n`
    await writeFile(join(app, 'both.bench.ts'), both)
    const { status, stdout, stderr } = await expectNothingLeft(() =>
      inApp(
        [...BARE, 'vitest', 'bench', '--run', 'both'],
        { ...BENCH, VITEST_CRIU_TOLERANCE: '1000' },
        OLDEST,
      ),
    )
    expect(status, stderr).toBe(0)
    const lazy = [...ROWS.filter((row) => row !== 'rewrite'), 'drain']
    expect(rowsOf(stdout)).toEqual([...ROWS, ...ROWS, ...lazy])
    expect(await readFile(join(app, 'reports/out/results.html'), 'utf8')).toContain(PAGE)
    // Without a compiler these can only be the binaries from the package.
    const unpacked = /^vitest-criu cache: .*$/m.exec(stdout)?.[0]
    for (const program of ['control', 'lazy-restore', 'lean-container', 'memory-control', 'native-handler'])
      expect(unpacked).toMatch(new RegExp(` ${program}-\\w{16}( |$)`))
    expect((await inApp(['node', '--version'], {}, OLDEST)).stdout).toContain(
      OLDEST ? `v${OLDEST}.` : process.version,
    )
  })

  test("gets annotations at its own suites from vitest's default reporters in a GitHub workflow", async () => {
    const environment = { ...BENCH, VITEST_CRIU_TOLERANCE: '0.001', GITHUB_ACTIONS: 'true' }
    const { status, stdout } = await expectNothingLeft(() =>
      inApp(['vitest', 'bench', '--run', 'bench/start'], environment),
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
    const [doctor, ...others] = await Promise.all([
      inApp(['npx', 'vitest-criu', 'doctor'], {}, '20'),
      inApp(['vitest-criu', 'report'], {}, '20'),
      inApp(['vitest', 'bench', '--run'], {}, '20'),
    ])
    expect(doctor).toMatchObject({ status: 1, stderr: '' })
    expect(doctor.stdout).toMatch(/^MISSING node: v20\..*\n        fix: install Node 22\.12 or later\n$/)
    for (const { status, stdout, stderr } of others) {
      expect(status).toBe(1)
      expect(stdout + stderr).toContain('cannot run on this version of Node')
      expect(stdout + stderr).not.toContain('is not a function')
    }
  })

  describe('with the examples as projects', () => {
    beforeAll(async () => {
      await cp(join(installed, 'fixtures/examples'), join(app, 'examples'), { recursive: true })
      const config = "export default { test: { projects: ['*/vitest.config.mts'] } }"
      await writeFile(join(app, 'examples/vitest.config.mts'), config)
    })

    test('runs their benchmarks, which pass their gates', async () => {
      // Enough for their gates on a busy machine.
      const environment = { VITEST_CRIU_ITERATIONS: '3' }
      const { status, stdout, stderr } = await expectNothingLeft(() =>
        inApp(['vitest', 'bench', '--run', '--root', 'examples'], environment),
      )
      expect(status, stdout + stderr).toBe(0)
      for (const [handler, figures] of EXAMPLES) {
        const table = stdout.split(/^tmpfs, /m).find((part) => part.startsWith(`${handler} handler`))
        for (const figure of figures) expect(table, handler).toMatch(new RegExp(`^\\| +${figure} +\\|`, 'm'))
      }
    })

    test('runs their tests', async () => {
      const { status, stdout, stderr } = await expectNothingLeft(() =>
        inApp(['vitest', 'run', '--root', 'examples']),
      )
      expect(status, stdout + stderr).toBe(0)
      for (const example of ['line-server', 'node-server'])
        expect(stdout).toContain(`✓ |${example}| restore.test.ts (1 test)`)
    })
  })

  test('gets the same vitest_criu.py from the package as in the Python example', async () => {
    const shipped = await readFile(join(installed, 'dist/fixtures/languages/vitest_criu.py'), 'utf8')
    const copied = join(PROJECT, 'fixtures/examples/python-function/vitest_criu.py')
    expect(await readFile(copied, 'utf8')).toBe(shipped)
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
    expect(await inApp([bin('tsc')])).toMatchObject({ status: 0, stdout: '' })
  })
})

/** The handlers of the suites in fixtures/examples, and rows that their tables must have. */
const EXAMPLES = [
  ['summarise', ['startup', 'restore', 'execution', 'speedup']],
  ['search', ['startup', 'restore', 'execution', 'speedup']],
  ['prices', ['first response', 'speedup']],
] as const

const ROWS = ['dump', 'rewrite', 'lean container', 'restore', 'execution', 'cold start']
const PAGE = '<h1>A 1MB process starts'

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
