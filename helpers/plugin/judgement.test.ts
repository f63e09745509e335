import { expect, test } from 'vitest'
import type { Results } from '../../reports/results.ts'
import { runBenchProject, type BenchRun } from '../testing/bench-project.ts'
import { expectNothingLeft } from '../testing/leaks.ts'

/** The verdicts of a phase as "source state", by the title of the suite. */
const verdictsOf = ({ suites }: Results, phase: string): Record<string, string> =>
  Object.fromEntries(
    suites.map(({ title, figures }) => {
      const verdict = figures.find((figure) => figure.phase === phase)?.verdict
      return [title, `${verdict?.source} ${verdict?.state}`]
    }),
  )

const bench = (source: string, environment?: Record<string, string>): Promise<BenchRun> =>
  expectNothingLeft(() => runBenchProject(source, environment))

test('a threshold compares strategies of the same size, even if other sizes are measured in turn', async () => {
  // At 64MB eager takes more than ten times as long, because it reads all memory first. At 1MB both take nearly the same.
  const suite = `criu.restoreSuite({
    filesystems: ['tmpfs'], sizes: ['1MB', '64MB'], strategies: ['mapped', 'eager'], handler: 'native', interleave: true,
    thresholds: { 'cold start': { times: 0.25, of: 'eager' } },
  })`
  const { status, stderr, results, junit } = await bench(suite, { VITEST_CRIU_ITERATIONS: '5' })
  expect(verdictsOf(results, 'cold start')).toEqual({
    'tmpfs 1MB mapped': 'threshold miss',
    'tmpfs 1MB eager': 'none ungated',
    'tmpfs 64MB mapped': 'threshold pass',
    'tmpfs 64MB eager': 'none ungated',
  })
  expect(status).toBe(1)
  expect(stderr).toMatch(/tmpfs 1MB mapped native > cold start: .*× the .* ms of eager, beyond the threshold/)
  expect(stderr).not.toContain('tmpfs 64MB mapped native > cold start')
  expect(junit.match(/<failure /g)).toHaveLength(1)
})

test.each(['tmpfs,ext4', 'ext4,tmpfs'])(
  'VITEST_CRIU_FILESYSTEMS=%s compares ext4 with tmpfs',
  async (filesystems) => {
    const { status, results } = await bench('criu.restoreSuite()', {
      VITEST_CRIU_FILESYSTEMS: filesystems,
      VITEST_CRIU_SIZES: '1MB',
      VITEST_CRIU_TOLERANCE: '1000',
      VITEST_CRIU_RATIOS: 'restore=0.001',
    })
    expect(verdictsOf(results, 'restore')).toEqual({
      'tmpfs 1MB mapped': 'reference pass',
      'ext4 1MB mapped': 'tmpfs miss',
    })
    expect(status).toBe(1)
  },
)

test('a suite that was measured before tmpfs is compared with it at the end of the run, and can fail the run', async () => {
  const suites = `for (const filesystem of ['ext4', 'tmpfs'])
    criu.restoreSuite({ filesystems: [filesystem], sizes: ['1MB'] })`
  // Only the restore fails, however busy the machine is.
  const ratios = 'restore=0.001,dump=1000,lean container=1000,execution=1000,cold start=1000'
  const environment = { VITEST_CRIU_TOLERANCE: '1000', VITEST_CRIU_RATIOS: ratios }
  const { status, stdout, stderr, results, junit } = await bench(suites, environment)
  expect(verdictsOf(results, 'restore')['ext4 1MB mapped'], stdout + stderr).toBe('tmpfs miss')
  expect(junit.match(/<failure /g)).toHaveLength(1)
  expect(stdout).toMatch(/Tests +12 passed/)
  expect(stderr).toMatch(/^ext4 1MB mapped python > restore: .* on tmpfs in the same run, beyond the ratio/m)
  expect(status).toBe(1)
})

/** A test of the restore at 1MB that ends with the given assertion. */
const asserting = (assertion: string): string => `
for (const group of criu.matrix({ filesystems: ['tmpfs'], sizes: ['1MB'] }))
  for (const benchmarkCase of group.cases)
    describe(benchmarkCase.title, () => {
      const run = criu.checkpointed(benchmarkCase, group)
      test('restore', async ({ bench }) => {
        const result = await bench('restore', run).run()
        ${assertion}
      })
    })
`

// All phases pass the tolerance of the options, so only the assertion of the test decides.
test.each([
  ['expect(result).toMeetReference({ tolerance: 0.0001 })', '1000', 'reference miss', 1],
  ['expect(result).toPassGate()', '1000', 'reference pass', 0],
  ['expect(result).not.toMeetReference({ tolerance: 0.0001 })', '1000', 'reference pass', 0],
])('%s decides results, reports and exit status', async (assertion, tolerance, verdict, status) => {
  const run = await bench(asserting(assertion), { VITEST_CRIU_TOLERANCE: tolerance })
  expect(verdictsOf(run.results, 'restore')).toEqual({ 'tmpfs 1MB mapped': verdict })
  expect(run.junit.match(/<failure /g) ?? []).toHaveLength(status)
  expect(run.status).toBe(status)
})
