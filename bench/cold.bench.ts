/**
 * The first start on a machine that has never had the checkpoint: `mapped` against `eager` on CephFS, once with its
 * files in the client's cache, once without. Where the whole of memory is read at once, does a start on demand pay?
 */
import { describe, expect, test, type BenchResult } from 'vitest'
import { checkpointed, matrix, MB, phasesOf } from '../helpers/index.ts'

const pairs = matrix({
  filesystems: ['ceph'],
  sizes: [64 * MB, 256 * MB],
  strategies: ['mapped', 'eager'],
  cold: true,
})

const medianIn = (result: BenchResult | undefined): number => result?.latency.p50 ?? Number.NaN

for (const pair of pairs) {
  const results = new Map<string, BenchResult>()

  for (const cell of pair) {
    describe(cell.title, () => {
      const body = checkpointed(cell, pair)

      for (const phase of phasesOf(cell)) {
        test(phase, async ({ bench }) => {
          const result = await bench(phase, body).run()
          if (phase === 'cold start') results.set(cell.strategy, result)
          expect(result.latency.min).toBeGreaterThan(0)
        })
      }
    })
  }

  const [mapped, eager] = pair
  test(`${mapped?.title} starts ahead of ${eager?.title}`, ({ skip }) => {
    const missing = ['mapped', 'eager'].filter((strategy) => !results.has(strategy))
    if (missing.length > 0) skip(`not measured in this run: ${missing.join(', ')}`)
    expect(medianIn(results.get('mapped')) / medianIn(results.get('eager'))).toBeLessThan(1)
  })
}
