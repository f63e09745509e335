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

/** Interrupts a run in its second suite. */
async function interrupt(signal: NodeJS.Signals, folder: string): Promise<void> {
  const bench = startBench([], { VITEST_CRIU_SIZES: '1MB,64MB', VITEST_CRIU_OUTPUT: folder, VITEST_CRIU_TOLERANCE: '1000' }) // prettier-ignore
  await bench.says(/tmpfs 64MB mapped +mounting/)
  process.kill(-bench.group, signal)
  expect((await bench.ended).status, signal).not.toBe(0)
}

test('SIGINT, SIGTERM or SIGKILL of a run keeps the suites that have ended, and every report says that others are missing', async () => {
  await using folder = await temporaryFolder()
  const runs = (['SIGINT', 'SIGTERM', 'SIGKILL'] as const).map((signal) => ({
    signal,
    output: join(folder.path, signal),
  }))
  await expectNothingLeft(() => Promise.all(runs.map(({ signal, output }) => interrupt(signal, output))))
  for (const { signal, output } of runs) {
    const results = await readRun(output)
    expect(titlesOf(results), signal).toEqual(['tmpfs 1MB mapped'])
    const compared = results.suites[0]?.figures.filter(({ phase }) => phase !== 'rewrite')
    expect(compared?.map(({ verdict }) => verdict.state)).not.toContain('ungated')
    expect(results.incomplete).toMatch(/^the run (has not ended, or was killed|was interrupted)$/)
    expect((await cli(['report', join(output, 'results.json')])).status).toBe(0)
    for (const report of ['results.md', 'results.html', 'junit.xml'])
      expect(await readFile(join(output, report), 'utf8'), report).toContain(results.incomplete)
    expect(await readFile(join(output, 'junit.xml'), 'utf8')).toContain('errors="1"')
  }
})

test('suites whose set-up fails, or a hook before them, are missing from the results, and every report says so, not that `-t` selects nothing', async () => {
  const source = `const { beforeAll } = await import('vitest')
    criu.restoreSuite({ filesystems: ['tmpfs'], sizes: ['1MB'] })
    describe('with a server', () => {
      beforeAll(() => { throw new Error('the server did not start') })
      criu.restoreSuite({ filesystems: ['tmpfs'], sizes: ['1MB'] })
    })`
  const { status, results, stderr, junit } = await expectNothingLeft(() =>
    runBenchProject(source, { ROOTFS_ABS_PATH: '/etc' }, ['-t', '1MB']),
  )
  expect(titlesOf(results)).toEqual([])
  expect(results.incomplete).toContain(
    'tmpfs 1MB mapped was not measured: cannot mount on ROOTFS_ABS_PATH=/etc',
  )
  expect(results.incomplete).toMatch(/; with a server failed outside of its tests: the server did not start$/)
  expect(stderr).not.toContain('nothing was measured')
  expect(junit).toContain('errors="1"')
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
