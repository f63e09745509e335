import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Results } from '../../reports/results.ts'
import { DUMP } from '../criu/log.ts'
import { areInOrder, durationOf, POINTS } from '../../reports/timeline.ts'
import { startBench, type Ended } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { steady } from '../testing/messages.ts'

const PHASES = ['dump', 'rewrite', 'lean container', 'restore', 'execution', 'cold start']

interface Measured extends Ended {
  /** The suites that were prepared, according to the progress lines on standard error. */
  readonly prepared: string[]
  /** The results that the run wrote, if any. */
  readonly results: Results | undefined
}

type Run = readonly [args: string[], environment?: Record<string, string>, wrapper?: string[]]

/** Runs `npx vitest bench` as a user does, and reads its results. */
async function measured(...[args, environment, wrapper]: Run): Promise<Measured> {
  await using output = await temporaryFolder()
  const ended = await startBench(args, { VITEST_CRIU_OUTPUT: output.path, ...environment }, wrapper).ended
  const file = join(output.path, 'results.json')
  const results = existsSync(file) ? Results.parse(JSON.parse(await readFile(file, 'utf8'))) : undefined
  const progress = [...ended.stderr.matchAll(/^▸ (\w+ \w+ \w+) /gm)]
  return { ...ended, prepared: [...new Set(progress.map((match) => match[1] ?? ''))], results }
}

/** Expects that the run leaves nothing but its results. */
const bench = (...run: Run): Promise<Measured> => expectNothingLeft(() => measured(...run))

const suitesOf = ({ results }: Measured): string[] => (results?.suites ?? []).map(({ title }) => title)

/** The numbers of tests that passed and were skipped, from vitest's summary. */
const countsOf = ({ stdout }: Measured): string => /^ +Tests +(.*)$/m.exec(stdout)?.[1] ?? stdout

/** A tolerance so wide that every figure passes. */
const ALL_PASS = { VITEST_CRIU_TOLERANCE: '1000' }

/** Expects that only the suite with this title was prepared and measured. */
function expectOnly(title: string, run: Measured): void {
  expect(run.prepared).toEqual([title])
  expect(suitesOf(run)).toEqual([title])
}

describe('a bench run', () => {
  test('with -t 64MB measures only this size, and fails if a figure misses its limit, with every figure in the message', async () => {
    const run = await bench(['-t', '64MB'], { VITEST_CRIU_TOLERANCE: '0.001' })
    expectOnly('tmpfs 64MB mapped', run)
    // The reference has no figure for the rewrite.
    expect(countsOf(run)).toBe('5 failed | 1 passed | 30 skipped (36)')
    expect(run.status).toBe(1)
    const message =
      /^Error: tmpfs 64MB mapped python > restore: [^]*?(?=\n ❯)/m.exec(run.stderr)?.[0] ?? run.stderr
    expect(steady(message, [/; [\d.]+ ×/g, '; N ×'])).toMatchInlineSnapshot(
      `"Error: tmpfs 64MB mapped python > restore: median N ms (n=2); N × the reference's N ms, beyond the tolerance of 0.001 ×"`,
    )
    expect(run.results?.suites[0]?.figures.map(({ verdict }) => verdict.state)).toEqual(
      PHASES.map((phase) => (phase === 'rewrite' ? 'ungated' : 'miss')),
    )
  })

  test('with -t 4MB measures only this size, and records consistent points, phases and checksums in every sample', async () => {
    const run = await bench(['-t', '4MB'], { ...ALL_PASS, VITEST_CRIU_ITERATIONS: '5' })
    expectOnly('tmpfs 4MB mapped', run)
    expect(countsOf(run)).toBe('6 passed | 30 skipped (36)')
    expect(run.status).toBe(0)
    const [suite] = run.results?.suites ?? []
    expect(suite?.samples).toHaveLength(5)
    expect(suite?.dumps).toHaveLength(5)
    expect(suite?.figures.map(({ n }) => n)).toEqual(PHASES.map(() => 5))
    for (const { points, checksum } of suite?.samples ?? []) {
      const ms = (phase: string): number => durationOf(points, phase) ?? Number.NaN
      expect(ms('lean container') + ms('restore') + ms('execution')).toBeCloseTo(ms('cold start'), 6)
      expect(ms('cold start')).toBe(
        Number(BigInt(points.handlerEnded) - BigInt(points.containerStarted)) / 1e6,
      )
      expect(checksum).toBe(suite?.checksum)
      expect(new Set(Object.keys(points))).toEqual(new Set([...POINTS, 'commandExecuted']))
      expect(areInOrder(points)).toBe(true)
    }
    for (const { total, stages = {} } of suite?.dumps ?? []) {
      expect(Object.values(stages).reduce((sum, duration) => sum + duration, 0)).toBeCloseTo(total, 6)
      expect(Object.keys(stages)).toEqual(['start', ...DUMP.stages.map(([name]) => name)])
    }
  })

  test('with -t rewrite measures this phase at every size', async () => {
    const run = await bench(['-t', 'rewrite'], { ...ALL_PASS, VITEST_CRIU_SIZES: '1MB,4MB' })
    expect(run.prepared).toEqual(['tmpfs 1MB mapped', 'tmpfs 4MB mapped'])
    expect(countsOf(run)).toBe('2 passed | 10 skipped (12)')
  })

  test('with -t restore measures this phase at every size, and without userfaultfd skips lazy with the reason', async () => {
    // A mount namespace that hides the kernel's settings for userfaultfd.
    const hidden = ['unshare', '--mount', 'sh', '-ec', 'mount -t tmpfs none /proc/sys/vm; exec "$@"', 'sh']
    const environment = { ...ALL_PASS, VITEST_CRIU_SIZES: '1MB,4MB', VITEST_CRIU_STRATEGIES: 'mapped,lazy' }
    const run = await bench(['-t', 'restore'], environment, hidden)
    expect(suitesOf(run)).toEqual(['tmpfs 1MB mapped', 'tmpfs 4MB mapped'])
    expect(run.prepared).toEqual(['tmpfs 1MB mapped', 'tmpfs 4MB mapped'])
    // Of 6 phases of each strategy at each size.
    expect(countsOf(run)).toBe('2 passed | 22 skipped (24)')
    expect(run.stdout).toContain('skipped: tmpfs 1MB lazy: this kernel has no userfaultfd\n')
    expect(run.status).toBe(0)
  })

  test('with a pattern that selects nothing fails, and lists suites and phases', async () => {
    const run = await bench(['-t', '512MB'])
    expect(run.status).toBe(1)
    expect(run.prepared).toEqual([])
    expect(run.results).toBeUndefined()
    expect(/^nothing was measured[^]*?fix: .*$/m.exec(run.stderr)?.[0]).toMatchInlineSnapshot(`
      "nothing was measured: -t 512MB selects no test
        found:    no suite or phase that matches
        expected: one of the suites tmpfs 1MB mapped, tmpfs 4MB mapped, tmpfs 16MB mapped, tmpfs 64MB mapped, tmpfs 256MB mapped, tmpfs 1024MB mapped, or of the phases dump, rewrite, lean container, restore, execution, cold start
        fix:      correct the pattern, for example: npx vitest bench -t 'tmpfs 64MB'"
    `)
  })

  test('accepts any MEMORY_SIZE, CONTAINER_NAME and ROOTFS_ABS_PATH, and reports that there is no reference', async () => {
    await using base = await temporaryFolder()
    const name = `vitest-criu-named-${process.pid}`
    const environment = { MEMORY_SIZE: '5000000', ROOTFS_ABS_PATH: base.path, CONTAINER_NAME: name }
    const run = await bench([], environment)
    expect(run.results?.suites).toMatchObject([
      {
        title: 'tmpfs 5000000B mapped',
        size: 5_000_000,
        figures: PHASES.map(() => ({ verdict: { state: 'ungated' } })),
      },
    ])
    expect(run.results?.options).toMatchObject({ sizes: [5_000_000], rootfs: base.path, containerName: name })
    expect(run.stdout).toContain('· nothing to compare with (6)')
    expect(run.status).toBe(0)
  })

  test('with a variable that it cannot use does not start', async () => {
    const wrong = [
      ['VITEST_CRIU_FILESYSTEMS', 'zfs', 'cannot use the filesystem "zfs"'],
      ['VITEST_CRIU_HANDLER', 'ruby', 'cannot use the handler "ruby"'],
      ['VITEST_CRIU_SIZE', '1MB', 'cannot use the environment variable VITEST_CRIU_SIZE'],
      ['VITEST_CRIU_OUTPUT', '/proc/x', 'cannot write results to /proc/x'],
      ['MEMORY_SIZE', '0', 'cannot use the option "sizes"\n  found:    MEMORY_SIZE=0'],
      ['CONTAINER_NAME', 'a/b', 'cannot use the option "containerName"\n  found:    CONTAINER_NAME=a/b'],
    ] as const
    const runs = await expectNothingLeft(() =>
      Promise.all(wrong.map(([name, value]) => measured([], { [name]: value }))),
    )
    for (const [index, run] of runs.entries()) {
      expect(run.status, run.stderr).toBe(1)
      expect(run.prepared).toEqual([])
      expect(run.stderr).toContain(wrong[index]?.[2])
    }
  })
})
