/**
 * Is `mapped` flat for programs whose memory is a heap, as Perl, Lua, Ruby and C programs have it? Each is restored with six
 * sizes of heap, in turn, and looks at ten places of it: the cold start, up to its answer, must not grow.
 */
import { describe, expect, test } from 'vitest'
import {
  checkpointed,
  defineHandler,
  matrix,
  phasesOf,
  type BenchmarkCase,
  type CaseGroup,
} from '../helpers/index.ts'
import { fixture } from '../helpers/installation/paths.ts'
import { compile } from '../helpers/programs/compile.ts'
import { missingFor, type BenchFunction } from './functions.ts'
import { MedianTable, printTable } from './median-table.ts'

const SIZES = ['1MB', '4MB', '16MB', '64MB', '256MB', '1024MB'] as const
/** How many times as long the largest heap may take as the smallest. */
const FLAT = 1.1

const heap = (
  name: string,
  needs: string,
  from: string,
  command: () => Promise<string[]> | string[],
): BenchFunction => ({
  name: `${name}-heap`,
  needs,
  package: from,
  definition: {
    command: async ({ size }) => [...(await command()), String(size)],
    ready: { line: 'ready' },
    trigger: { line: 'go' },
    done: { line: 'done' },
  },
})

const script = (name: string, needs: string, from: string, source: string): BenchFunction =>
  heap(name, needs, from, () => [needs, fixture(`functions/${source}`)])

const HEAPS: readonly BenchFunction[] = [
  heap('c', '/usr/bin/gcc', 'gcc', async () => [await compile(fixture('functions/heap.c'))]),
  script('perl', '/usr/bin/perl', 'perl', 'heap.pl'),
  script('lua', '/usr/bin/lua5.4', 'lua5.4', 'heap.lua'),
  script('ruby', '/usr/bin/ruby', 'ruby', 'heap.rb'),
]

/** Cold starts by heap and size. */
const medians = new MedianTable()

// oxlint-disable-next-line vitest/expect-expect -- it skips, with the reason
test.for(HEAPS.filter((each) => missingFor(each) !== undefined))('$name', (each, { skip }) =>
  skip(missingFor(each)),
)

for (const { name, definition } of HEAPS.filter((each) => missingFor(each) === undefined)) {
  const handler = defineHandler({ name, ...definition })
  const axes = {
    handler,
    filesystems: ['tmpfs'],
    sizes: SIZES,
    strategies: ['mapped'],
    interleave: true,
  } as const
  describe(name, () => {
    for (const group of matrix(axes))
      for (const benchmarkCase of group.cases) describeCase(benchmarkCase, group)
    testFlatness(name)
  })
}

function describeCase(benchmarkCase: BenchmarkCase, group: CaseGroup): void {
  const { title, handler, label } = benchmarkCase
  describe(title, () => {
    const run = checkpointed(benchmarkCase, group)
    for (const phase of phasesOf(benchmarkCase)) {
      test(phase, async ({ bench }) => {
        const result = await bench(phase, run).run()
        if (phase === 'cold start') medians.set(handler.name, label, result.latency.p50)
        expect(result).toPassGate()
      })
    }
  })
}

function testFlatness(name: string): void {
  test(`the largest heap starts in at most ${FLAT} × the time of the smallest`, ({ skip }) => {
    const [, row] = medians.whole(SIZES).find(([measured]) => measured === name) ?? []
    if (!row) skip('not measured with every size in this run')
    const figures = SIZES.map((size) => row?.get(size) ?? Number.NaN)
    printTable([name, ...SIZES], [['cold start, ms', ...figures.map((median) => median.toFixed(2))]])
    expect((figures.at(-1) ?? Number.NaN) / (figures[0] ?? Number.NaN)).toBeLessThanOrEqual(FLAT)
  })
}
