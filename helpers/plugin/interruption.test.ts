import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseResults, type Results } from '../../reports/results.ts'
import { cli, startBench } from '../testing/commands.ts'
import { supervisorOf } from '../testing/ledgers.ts'
import { runBenchProject } from '../testing/bench-project.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { expectNothingLeft } from '../testing/leaks.ts'

const readRun = async (folder: string): Promise<Results> =>
  parseResults(JSON.parse(await readFile(join(folder, 'results.json'), 'utf8')))

const titlesOf = ({ suites }: Results): string[] => suites.map(({ title }) => title)

test.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
  '%s of a run keeps the suites that have ended, and every report says that others are missing',
  async (signal) => {
    await using folder = await temporaryFolder()
    await expectNothingLeft(async () => {
      const bench = startBench([], { VITEST_CRIU_SIZES: '1MB,64MB,256MB', VITEST_CRIU_OUTPUT: folder.path, VITEST_CRIU_TOLERANCE: '1000' }) // prettier-ignore
      await bench.says(/tmpfs 64MB mapped +mounting/)
      process.kill(-bench.group, signal)
      expect((await bench.ended).status).not.toBe(0)
    })
    const results = await readRun(folder.path)
    expect(titlesOf(results)).toEqual(['tmpfs 1MB mapped'])
    const compared = results.suites[0]?.figures.filter(({ phase }) => phase !== 'rewrite')
    expect(compared?.map(({ verdict }) => verdict.state)).not.toContain('ungated')
    expect(results.incomplete).toMatch(/^the run (has not ended, or was killed|was interrupted)$/)
    expect((await cli(['report', join(folder.path, 'results.json')])).status).toBe(0)
    for (const report of ['results.md', 'results.html', 'junit.xml'])
      expect(await readFile(join(folder.path, report), 'utf8'), report).toContain(results.incomplete)
    expect(await readFile(join(folder.path, 'junit.xml'), 'utf8')).toContain('errors="1"')
  },
)

test('a suite whose set-up fails is missing from the results, and every report says so', async () => {
  const { status, results, junit } = await expectNothingLeft(() =>
    runBenchProject(`criu.restoreSuite({ filesystems: ['tmpfs'], sizes: ['1MB'] })`, {
      BASE_IMAGE: '/nonexistent',
    }),
  )
  expect(titlesOf(results)).toEqual([])
  expect(results.incomplete).toMatch(/^tmpfs 1MB mapped was not measured: cannot use the base image/)
  expect(junit).toContain('errors="1"')
  expect(status).toBe(1)
})

test('a hook that fails before a suite is the reason why results are missing, and not `-t`', async () => {
  const source = `const { beforeAll } = await import('vitest')
    describe('with a server', () => {
      beforeAll(() => { throw new Error('the server did not start') })
      criu.restoreSuite({ filesystems: ['tmpfs'], sizes: ['1MB'] })
    })`
  const { status, results, stderr } = await expectNothingLeft(() =>
    runBenchProject(source, {}, ['-t', '1MB']),
  )
  expect(results.incomplete).toBe('with a server failed outside of its tests: the server did not start')
  expect(stderr).not.toContain('nothing was measured')
  expect(status).toBe(1)
})

test('a run whose supervisor is killed says so, and not what failed because of it', async () => {
  const name = `vitest-criu-killed-${process.pid}`
  await using folder = await temporaryFolder()
  const { stdout, stderr } = await expectNothingLeft(async () => {
    const bench = startBench(['-t', '256MB'], { CONTAINER_NAME: name, VITEST_CRIU_HANDLER: 'native', VITEST_CRIU_OUTPUT: folder.path }) // prettier-ignore
    await bench.says(/starting the native handler/)
    process.kill(await supervisorOf(name), 'SIGKILL')
    const ended = await bench.ended
    await cli(['clean'])
    return ended
  })
  expect(stderr).toContain(`CriuBenchError: cannot go on with ${name}-`)
  expect(stdout).toContain('INCOMPLETE: tmpfs 256MB mapped was not measured: cannot go on with')
  expect(stderr).not.toMatch(/SuppressedError|did not get ready|cannot unmount/)
})

test('a worker that crashes keeps the suites that have ended, and fails the run', async () => {
  const { status, results, junit } = await expectNothingLeft(() =>
    runBenchProject(`criu.restoreSuite({ filesystems: ['tmpfs'], sizes: ['1MB'] })
      describe('a suite of your own', () => { test('a test', () => new Promise(() => setTimeout(() => process.kill(process.pid, 'SIGKILL'), 500))) })
      criu.restoreSuite({ filesystems: ['tmpfs'], sizes: ['4MB'] })`),
  )
  expect(titlesOf(results)).toEqual(['tmpfs 1MB mapped'])
  expect(results.incomplete).toContain('an error outside of any test ended suites early')
  expect(junit).toContain('errors="1"')
  expect(status).toBe(1)
})
