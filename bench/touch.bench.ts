/**
 * What does a start cost a process that uses only a part of its memory? Strategies differ most here: `eager` reads all of
 * it before the process runs, `lazy` and `mapped` read what it touches, when it does.
 */
import { describe, expect, inject, test } from 'vitest'
import { reporting } from '../helpers/handlers/handler.ts'
import { checkpointed, matrix, MB, phasesOf, type BenchmarkCase, type CaseGroup } from '../helpers/index.ts'
import { fixture } from '../helpers/installation/paths.ts'
import { compile } from '../helpers/programs/compile.ts'
import { formatMilliseconds, formatSize } from '../helpers/units.ts'
import { MedianTable, printTable } from './median-table.ts'

const STRATEGIES = ['mapped', 'lazy', 'eager'] as const
const SHARES = [1, 10, 50, 100]
const ORDERS = ['in-order', 'random'] as const
const ACCESSES = ['read', 'write'] as const
const SIZE = 256 * MB
const { iterations } = inject('criu')

/** Cold starts by what the handler does and by strategy. */
const medians = new MedianTable()

const program = async (): Promise<string[]> => [await compile(fixture('load/touch-handler.c'))]

const touching = SHARES.flatMap((share) =>
  ORDERS.flatMap((order) =>
    ACCESSES.map((access) => ({
      ...reporting(`touch-${share}-${order}-${access}`, program, [String(share), order, access, 'ends']),
      memory: SIZE,
    })),
  ),
)

for (const handler of touching)
  for (const group of matrix({ handler, filesystems: ['tmpfs'], strategies: STRATEGIES }))
    for (const benchmarkCase of group.cases) describeCase(benchmarkCase, group)

function describeCase(benchmarkCase: BenchmarkCase, group: CaseGroup): void {
  const { title, handler, strategy } = benchmarkCase
  describe(title, () => {
    const run = checkpointed(benchmarkCase, group)
    for (const phase of phasesOf(benchmarkCase)) {
      test(phase, async ({ bench }) => {
        const result = await bench(phase, run).run()
        if (phase === 'cold start') medians.set(handler.name, strategy.name, result.latency.p50)
        expect(result.latency.samplesCount).toBeGreaterThanOrEqual(iterations)
      })
    }
  })
}

describe('parts of memory compared', () => {
  test(`mapped starts first, whatever a process of ${formatSize(SIZE)} touches`, ({ skip }) => {
    const whole = medians.whole(STRATEGIES)
    if (whole.length === 0) skip('no handler was measured with every strategy in this run')
    const rows = whole.map(([name, row]) => [
      name,
      ...STRATEGIES.map((each) => formatMilliseconds(row.get(each) ?? Number.NaN)),
    ])
    printTable([`cold start of ${formatSize(SIZE)}, ms`, ...STRATEGIES], rows)
    const behind = whole.filter(
      ([, row]) => (row.get('mapped') ?? Infinity) > Math.min(row.get('lazy') ?? 0, row.get('eager') ?? 0),
    )
    expect(behind.map(([name]) => name)).toEqual([])
  })
})
