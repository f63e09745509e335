/**
 * Compares a start from a checkpoint with a start from scratch, up to the first answer, for the functions that papers on
 * serverless computing measure: FunctionBench, SeBS and others. Each must start faster with `mapped` than from scratch.
 */
import { median } from 'simple-statistics'
import { describe, expect, test } from 'vitest'
import { checkpointed, matrix, phasesOf, type BenchmarkCase, type CaseGroup } from '../helpers/index.ts'
import { FUNCTIONS, handlerOf, missingFor } from './functions.ts'
import { MedianTable, printTable } from './median-table.ts'

const STRATEGIES = ['plain', 'eager', 'lazy', 'mapped'] as const
/** The second call of a process that was started from scratch: there is no start in it. */
const WARM = 'warm call'
const COLUMNS = [...STRATEGIES, WARM]
const thresholds = { 'cold start': { times: 1, of: 'plain' } }
/** The median of the list must be ahead of a start from scratch by this factor. */
const LEAD = 3

/** Cold starts by function and strategy, and its warm calls. */
const medians = new MedianTable()

// oxlint-disable-next-line vitest/expect-expect -- it skips, with the reason
test.for(FUNCTIONS.filter((each) => missingFor(each) !== undefined))('$name', (measured, { skip }) =>
  skip(missingFor(measured)),
)

for (const measured of FUNCTIONS.filter((each) => missingFor(each) === undefined)) {
  const handler = handlerOf(measured)
  for (const group of matrix({ handler, filesystems: ['tmpfs'], strategies: STRATEGIES }))
    for (const benchmarkCase of group.cases) describeCase(benchmarkCase, group)
}

function describeCase(benchmarkCase: BenchmarkCase, group: CaseGroup): void {
  const { title, strategy, handler } = benchmarkCase
  describe(title, () => {
    const run = checkpointed(benchmarkCase, group, strategy.name === 'mapped' ? thresholds : {})
    for (const phase of phasesOf(benchmarkCase)) {
      test(phase, async ({ bench }) => {
        const result = await bench(phase, run).run()
        if (phase === 'cold start') medians.set(handler.name, strategy.name, result.latency.p50)
        if (phase === WARM) medians.set(handler.name, WARM, result.latency.p50)
        expect(result).toPassGate()
      })
    }
  })
}

/** How many times as fast as from scratch `mapped` starts. */
const leadOf = (row: ReadonlyMap<string, number>): number =>
  (row.get('plain') ?? 0) / (row.get('mapped') ?? Infinity)

const format = (ms = Number.NaN): string => (ms < 1000 ? ms.toPrecision(3) : ms.toFixed(0))

describe('functions compared', () => {
  test(`mapped starts the median function at least ${LEAD} times as fast as from scratch`, ({ skip }) => {
    const whole = medians.whole(COLUMNS)
    if (whole.length === 0) skip('no function was measured with every strategy in this run')
    const rows = whole.map(([name, row]) => [
      name,
      ...STRATEGIES.map((strategy) => format(row.get(strategy))),
      `${leadOf(row).toFixed(1)}×`,
      format(row.get(WARM)),
    ])
    printTable(['cold start, ms', ...STRATEGIES, 'plain / mapped', WARM], rows)
    expect(median(whole.map(([, row]) => leadOf(row)))).toBeGreaterThanOrEqual(LEAD)
  })
})
