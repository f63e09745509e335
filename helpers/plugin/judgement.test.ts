import { expect, test } from 'vitest'
import type { Results } from '../../reports/results.ts'
import { nameOf } from '../../reports/rows.ts'
import { runBenchProject, type BenchRun } from '../testing/bench-project.ts'
import { expectNothingLeft } from '../testing/leaks.ts'

/** The verdicts of a phase as "source state", by the name of the suite. */
const verdictsOf = ({ suites }: Results, phase: string): Record<string, string> =>
  Object.fromEntries(
    suites.map((suite) => {
      const verdict = suite.figures.find((figure) => figure.phase === phase)?.verdict
      return [nameOf(suite), `${verdict?.source} ${verdict?.state}`]
    }),
  )

/** The failing tests of each suite, by its name. */
const failuresIn = (junit: string): Record<string, number> =>
  Object.fromEntries(
    [...junit.matchAll(/<testsuite name="([^"]*)"[^]*?<\/testsuite>/g)].flatMap(([suite, name = '']) => {
      const failures = suite.match(/<failure /g)?.length ?? 0
      return failures === 0 ? [] : [[name, failures]]
    }),
  )

/** Of all phases but the restore: only that fails, however busy the machine is. */
const WIDE = 'dump=1000,lean container=1000,execution=1000,cold start=1000'

const bench = (source: string, environment?: Record<string, string>): Promise<BenchRun> =>
  expectNothingLeft(() => runBenchProject(source, { VITEST_CRIU_TOLERANCE: '1000', ...environment }))

/** A test of the restore at one size that ends with the given assertion. All phases pass the tolerance of the options. */
const asserting = (size: string, assertion: string): string => `
for (const group of criu.matrix({ filesystems: ['tmpfs'], sizes: ['${size}'] }))
  for (const benchmarkCase of group.cases)
    describe(benchmarkCase.title, () => {
      const run = criu.checkpointed(benchmarkCase, group)
      test('restore', async ({ bench }) => {
        const result = await bench('restore', run).run()
        ${assertion}
      })
    })
`

test('limits of suites, ratios to tmpfs and assertions fail the tests of their own suites only', async () => {
  // At 256MB the restore of eager takes twenty times as long, because it reads all memory. At 1MB both take nearly the same.
  const source = `
  criu.restoreSuite({
    filesystems: ['tmpfs'], sizes: ['1MB', '256MB'], strategies: ['mapped', 'eager'], handler: 'native', interleave: true,
    thresholds: { restore: { times: 0.25, of: 'eager' } },
  })
  criu.restoreSuite({ sizes: ['1MB'] })
  criu.restoreSuite({ sizes: ['4MB'], filesystems: ['tmpfs', 'ext4'] })
  ${asserting('16MB', 'expect(result).toMeetReference({ tolerance: 0.0001 })')}`
  const { status, stderr, results, junit } = await bench(source, {
    VITEST_CRIU_ITERATIONS: '3',
    VITEST_CRIU_FILESYSTEMS: 'ext4,tmpfs',
    VITEST_CRIU_RATIOS: `restore=0.001,${WIDE}`,
  })
  // A threshold compares strategies of the same size, even if other sizes are measured in turn.
  expect(verdictsOf(results, 'restore')).toMatchObject({
    'tmpfs 1MB mapped native': 'threshold miss',
    'tmpfs 1MB eager native': 'none ungated',
    'tmpfs 256MB mapped native': 'threshold pass',
    'tmpfs 256MB eager native': 'none ungated',
  })
  expect(stderr).toMatch(/tmpfs 1MB mapped native > restore: .*× the .* ms of eager, beyond the threshold/)
  expect(stderr).not.toContain('tmpfs 256MB mapped native > restore')
  // ext4 is compared with tmpfs, whichever is named first. An assertion with a tolerance of its own decides its test.
  expect(verdictsOf(results, 'restore')).toMatchObject({
    'tmpfs 1MB mapped python': 'reference pass',
    'ext4 1MB mapped python': 'tmpfs miss',
    'tmpfs 4MB mapped python': 'reference pass',
    'ext4 4MB mapped python': 'tmpfs miss',
    'tmpfs 16MB mapped python': 'reference miss',
  })
  expect(failuresIn(junit)).toEqual({
    'tmpfs 1MB mapped native': 1,
    'ext4 1MB mapped python': 1,
    'ext4 4MB mapped python': 1,
    'tmpfs 16MB mapped python': 1,
  })
  expect(status).toBe(1)
})

test('toPassGate() passes within the tolerance of the options, as does not.toMeetReference() beyond its own', async () => {
  const source =
    asserting('1MB', 'expect(result).toPassGate()') +
    asserting('4MB', 'expect(result).not.toMeetReference({ tolerance: 0.0001 })')
  const { status, results, junit } = await bench(source)
  expect(verdictsOf(results, 'restore')).toEqual({
    'tmpfs 1MB mapped python': 'reference pass',
    'tmpfs 4MB mapped python': 'reference pass',
  })
  expect(failuresIn(junit)).toEqual({})
  expect(status).toBe(0)
})

test('a suite that was measured before tmpfs is compared with it at the end of the run, and can fail the run', async () => {
  const suites = `for (const filesystem of ['ext4', 'tmpfs'])
    criu.restoreSuite({ filesystems: [filesystem], sizes: ['1MB'] })`
  const { status, stdout, stderr, results, junit } = await bench(suites, {
    VITEST_CRIU_RATIOS: `restore=0.001,${WIDE}`,
  })
  expect(verdictsOf(results, 'restore')['ext4 1MB mapped python'], stdout + stderr).toBe('tmpfs miss')
  expect(junit.match(/<failure /g)).toHaveLength(1)
  expect(stdout).toMatch(/Tests +12 passed/)
  expect(stderr).toMatch(/^ext4 1MB mapped python > restore: .* on tmpfs in the same run, beyond the ratio/m)
  expect(status).toBe(1)
})
