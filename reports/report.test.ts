import { describe, expect, test } from 'vitest'
import { judgeMedian, ungated } from '../helpers/gate/verdict.ts'
import { results } from '../helpers/testing/results.ts'
import { markdownReport } from './markdown.ts'
import { Results, type FigureResults, type SuiteResults } from './results.ts'
import { terminalReport } from './terminal.ts'

const figure = (phase: string, median: number, reference?: number): FigureResults => ({
  phase,
  n: 2,
  median,
  mean: median,
  min: median,
  max: median,
  sd: 0,
  verdict:
    reference === undefined
      ? ungated('there is no figure to compare it with')
      : judgeMedian(median, { source: 'reference', reference, tolerance: 2 }),
})

const suite = (label: string, size: number, figures: FigureResults[]): SuiteResults => ({
  title: `tmpfs ${label}`,
  filesystem: 'tmpfs',
  strategy: 'mapped',
  mounted: 'tmpfs, size 258.0 MB',
  size,
  label,
  handler: 'python',
  baseImage: 'criu 4.1.1, built here',
  checksum: 'abc',
  mapped: 4096,
  copied: 8192,
  figures,
  dumps: [],
  samples: [],
})

/** Suites in an order other than by size. */
const measured = results(
  suite('64MB', 2 ** 26, [
    figure('dump', 43, 46.5),
    figure('lean container', 0.506, 6),
    figure('restore', 33.9, 5.2),
    figure('execution', 24, 55),
    figure('cold start', 58.4, 66.2),
  ]),
  suite('1MB', 2 ** 20, [figure('restore', 6.66, 5)]),
  suite('5000000B', 5_000_000, [figure('restore', 7)]),
)

/** A suite of a handler without sizes. */
const server = (strategy: string, figures: FigureResults[]): SuiteResults => ({
  ...suite('hello', 2 ** 26, figures),
  title: `tmpfs hello ${strategy}`,
  handler: 'hello',
  strategy,
})

test('a handler without sizes has a column for each strategy, and a row with the speedup over plain', () => {
  const [plain, mapped] = [
    [50, 51],
    [10, 10.2],
  ].map(([response = 0, whole = 0]) => [figure('first response', response), figure('cold start', whole)])
  const report = terminalReport(
    results(server('plain', [...(plain ?? []), figure('warm call', 2)]), server('mapped', mapped ?? [])),
  )
  expect(report).toMatchInlineSnapshot(`
    "
    tmpfs, hello handler, criu 4.1.1, built here

    | ms             |  plain | mapped |
    | :------------- | -----: | -----: |
    | first response | 50.0 · | 10.0 · |
    | cold start     | 51.0 · | 10.2 · |
    |   speedup      |   1.0× |   5.0× |
    | warm call      | 2.00 · |        |


    medians of 2 samples; · nothing to compare with (5)
    kernel 6.18.0, 2 × A CPU, cgroup v2
    "
  `)
  const alone = terminalReport(results(server('mapped', mapped ?? [])))
  expect(alone).not.toContain('plain')
})

describe('a report', () => {
  test('has Markdown tables by size, with marks that are legible without colour', () => {
    expect(markdownReport(measured)).toMatchInlineSnapshot(`
      "# A 64MB process starts from its checkpoint in 58.4 ms.

      tmpfs, mapped restore, python handler; medians of 2 runs. 0.88 × the MITOSIS reference. 7 figures: 5 within their limits, 1 failed, 1 not gated.

      - ✗ tmpfs 64MB python > restore: median 33.9 ms (n=2); 6.52 × the reference's 5.2 ms, beyond the tolerance of 2 ×

      ## tmpfs, mapped, python handler

      criu 4.1.1, built here

      | ms             |          1MB | 5000000B |          64MB |
      | :------------- | -----------: | -------: | ------------: |
      | dump           |              |          |  43.0 0.92× ✓ |
      |   reference    |            – |        – |          46.5 |
      | lean container |              |          | 0.506 0.08× ✓ |
      |   reference    |            – |        – |             6 |
      | restore        | 6.66 1.33× ✓ |   7.00 · |  33.9 6.52× ✗ |
      |   reference    |            5 |        – |           5.2 |
      | execution      |              |          |  24.0 0.44× ✓ |
      |   reference    |            – |        – |            55 |
      | cold start     |              |          |  58.4 0.88× ✓ |
      |   reference    |            – |        – |          66.2 |

      medians of 2 samples; ✓ at most 2 × the reference (5), ✗ more (1), · nothing to compare with (1).

      Kernel 6.18.0, 2 × A CPU, cgroup v2, Node v26.0.0, 2026-01-02T03:04:05.678Z.
      "
    `)
  })

  test('has the same tables in the terminal', () => {
    expect(terminalReport(measured)).toMatchInlineSnapshot(`
      "
      tmpfs, mapped, python handler, criu 4.1.1, built here

      | ms             |          1MB | 5000000B |          64MB |
      | :------------- | -----------: | -------: | ------------: |
      | dump           |              |          |  43.0 0.92× ✓ |
      |   reference    |            – |        – |          46.5 |
      | lean container |              |          | 0.506 0.08× ✓ |
      |   reference    |            – |        – |             6 |
      | restore        | 6.66 1.33× ✓ |   7.00 · |  33.9 6.52× ✗ |
      |   reference    |            5 |        – |           5.2 |
      | execution      |              |          |  24.0 0.44× ✓ |
      |   reference    |            – |        – |            55 |
      | cold start     |              |          |  58.4 0.88× ✓ |
      |   reference    |            – |        – |          66.2 |


      medians of 2 samples; ✓ at most 2 × the reference (5), ✗ more (1), · nothing to compare with (1)
      kernel 6.18.0, 2 × A CPU, cgroup v2
      "
    `)
  })

  test('has a table for each filesystem and strategy', () => {
    const other = { ...suite('1MB', 2 ** 20, [figure('restore', 9)]), filesystem: 'ceph' }
    const eager = { ...suite('1MB', 2 ** 20, []), strategy: 'eager' }
    const titles = markdownReport(results(suite('1MB', 2 ** 20, []), other, eager)).match(/^## .*$/gm)
    expect(titles).toEqual(
      ['tmpfs, mapped', 'ceph, mapped', 'tmpfs, eager'].map((title) => `## ${title}, python handler`),
    )
  })
})

describe('a report of two hosts', () => {
  const host = { kernel: '6.18.0', cpu: 'A CPU' }
  const hosts = {
    dumped: { ...host, name: 'namespace 10.42.0.1' },
    restored: { ...host, name: 'namespace 10.42.0.2' },
    link: { bandwidth: '100mbit' },
    clock: { offset: -0.0125, bound: 0.25, probes: 20 },
  }
  const remote = results(suite('1MB', 2 ** 20, []), { ...suite('1MB', 2 ** 20, []), hosts })

  test('has a separate table whose title names the restoring host and the link', () => {
    expect(markdownReport(remote).match(/^## .*$/gm)).toEqual([
      '## tmpfs, mapped, python handler',
      '## tmpfs, mapped, restored on namespace 10.42.0.2 over 100mbit, python handler',
    ])
  })

  test('names both hosts and the offset of their clocks', () => {
    const [line] = terminalReport(remote).match(/^dumped on .*$/m) ?? []
    expect(line).toMatchInlineSnapshot(
      `"dumped on namespace 10.42.0.1 (kernel 6.18.0), restored on namespace 10.42.0.2 (kernel 6.18.0); clock offset of the second host −0.013 ms ± 0.250 (best of 20 probes); no figure mixes the two clocks"`,
    )
    expect(markdownReport(remote)).toContain(line)
  })
})

describe('the results schema', () => {
  test('rejects unknown fields', () => {
    expect(() => Results.parse({ ...measured, more: 1 })).toThrow('more')
  })

  test('rejects another version', () => expect(() => Results.parse({ ...measured, version: 3 })).toThrow('2'))
})

const cells = (lines: readonly string[]) => lines.flatMap((line) => line.match(/\d+\.\d \d\.\d\d× ./g) ?? []).toSorted() // prettier-ignore

test('six sizes fit a terminal of 80 columns, in parts', () => {
  const sizes = [1, 4, 16, 64, 256, 1024].map((megabytes) =>
    suite(`${megabytes}MB`, megabytes * 2 ** 20, [
      figure('dump', 100 + megabytes, 46.5),
      figure('cold start', 10 + megabytes, 744.2),
    ]),
  )
  const tableIn = (width?: number) =>
    terminalReport(results(...sizes), width)
      .split('\n')
      .filter((line) => line.startsWith('|'))
  const whole = tableIn()
  expect(Math.max(...whole.map((line) => line.length))).toBeGreaterThan(80)
  const narrow = tableIn(80)
  expect(Math.max(...narrow.map((line) => line.length))).toBeLessThanOrEqual(80)
  expect(narrow.filter((line) => line.startsWith('| ms'))).toEqual([
    expect.stringMatching(/ 1MB .* 4MB .* 16MB /),
    expect.stringMatching(/ 64MB .* 256MB .* 1024MB /),
  ])
  expect(cells(narrow)).toEqual(cells(whole))
})
