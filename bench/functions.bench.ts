/**
 * Compares a start from a checkpoint with a start from scratch, up to the first answer, for the functions that papers on
 * serverless computing measure: FunctionBench, SeBS and others. Each must start faster with `mapped` than from scratch.
 */
import { markdownTable } from 'markdown-table'
import { describe, expect, test } from 'vitest'
import { checkpointed, matrix, phasesOf, type BenchmarkCase, type CaseGroup } from '../helpers/index.ts'
import { FUNCTIONS, handlerOf, missingFor } from './functions.ts'

const STRATEGIES = ['plain', 'eager', 'lazy', 'mapped'] as const
const thresholds = { 'cold start': { times: 1, of: 'plain' } }
/** The median of the list must be ahead of a start from scratch by this factor. */
const LEAD = 3

/** Medians of cold starts, ms: by function, then by strategy. */
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
        expect(result).toPassGate()
      })
    }
  })
}

/** How many times as fast as from scratch `mapped` starts. */
const leadOf = (row: ReadonlyMap<string, number>): number =>
  (row.get('plain') ?? 0) / (row.get('mapped') ?? Infinity)

const format = (median = Number.NaN): string => (median < 1000 ? median.toPrecision(3) : median.toFixed(0))

describe('functions compared', () => {
  test(`mapped starts the median function at least ${LEAD} times as fast as from scratch`, ({ skip }) => {
    const whole = [...medians].filter(([, row]) => row.size === STRATEGIES.length)
    if (whole.length === 0) skip('no function was measured with every strategy in this run')
    const rows = whole.map(([name, row]) => [
      name,
      ...STRATEGIES.map((strategy) => format(row.get(strategy))),
      `${leadOf(row).toFixed(1)}×`,
    ])
    const header = ['cold start, ms', ...STRATEGIES, 'plain / mapped']
    console.log(
      markdownTable([header, ...rows], { align: ['l', ...STRATEGIES.map(() => 'r' as const), 'r'] }),
    )
    const leads = whole.map(([, row]) => leadOf(row)).toSorted((one, other) => one - other)
    expect(leads[Math.floor(leads.length / 2)]).toBeGreaterThanOrEqual(LEAD)
  })
})
