/**
 * Compares a start from a checkpoint with a start from scratch, up to the first answer, for the functions that papers on
 * serverless computing measure: FunctionBench, SeBS and others. Each must start faster with `mapped` than from scratch.
 */
import { markdownTable } from 'markdown-table'
import { median } from 'simple-statistics'
import { describe, expect, test } from 'vitest'
import { checkpointed, matrix, phasesOf, type BenchmarkCase, type CaseGroup } from '../helpers/index.ts'
import { FUNCTIONS, handlerOf, missingFor } from './functions.ts'

const STRATEGIES = ['plain', 'eager', 'lazy', 'mapped'] as const
/** The second call of a process that was started from scratch: there is no start in it. */
const WARM = 'warm call'
const COLUMNS = [...STRATEGIES, WARM]
const thresholds = { 'cold start': { times: 1, of: 'plain' } }
/** The median of the list must be ahead of a start from scratch by this factor. */
const LEAD = 3

/** Medians of cold starts, ms: by function, then by strategy; and of its warm calls. */
const medians = new Map<string, Map<string, number>>()

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
        const row = medians.get(handler.name) ?? new Map<string, number>()
        medians.set(handler.name, row)
        if (phase === 'cold start') row.set(strategy.name, result.latency.p50)
        if (phase === WARM) row.set(phase, result.latency.p50)
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
    const whole = [...medians].filter(([, row]) => COLUMNS.every((column) => row.has(column)))
    if (whole.length === 0) skip('no function was measured with every strategy in this run')
    const rows = whole.map(([name, row]) => [
      name,
      ...STRATEGIES.map((strategy) => format(row.get(strategy))),
      `${leadOf(row).toFixed(1)}×`,
      format(row.get(WARM)),
    ])
    const header = ['cold start, ms', ...STRATEGIES, 'plain / mapped', WARM]
    console.log(
      markdownTable([header, ...rows], { align: ['l', ...header.slice(1).map(() => 'r' as const)] }),
    )
    expect(median(whole.map(([, row]) => leadOf(row)))).toBeGreaterThanOrEqual(LEAD)
  })
})
