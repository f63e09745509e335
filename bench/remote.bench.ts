/**
 * Dumps on one host and restores on another, whose cache is cold, with each strategy. The native handler reads one word
 * of every page.
 */
import { describe, expect, inject, test, type BenchResult } from 'vitest'
import { checkpointed, matrix, phasesOf } from '../helpers/index.ts'

const { restoreOn = 'namespace', iterations, time } = inject('criu')
const groups = matrix({
  filesystems: ['ceph'],
  sizes: ['16MB', '64MB'],
  strategies: ['mapped', 'lazy', 'eager'],
  handler: 'native',
  cold: true,
  restoreOn,
})

const results = new Map<string, BenchResult>()

for (const group of groups)
  // Each sample is a first start: the cache is dropped before it.
  for (const benchmarkCase of group.cases.filter(({ cold }) => cold))
    describe(benchmarkCase.title, () => {
      const run = checkpointed(benchmarkCase, group)
      const { label, strategy } = benchmarkCase

      for (const phase of phasesOf(benchmarkCase)) {
        test(phase, async ({ bench }) => {
          const result = await bench(phase, run).run()
          results.set(`${label} ${strategy.name} ${phase}`, result)
          // With the option `time`, more samples can be taken.
          expect(result.latency.samplesCount).toBeGreaterThanOrEqual(iterations)
          if (time === 0) expect(result.latency.samplesCount).toBe(iterations)
        })
      }
    })

describe('strategies on the second host', () => {
  test.for(['16MB', '64MB'])('mapped restores faster than eager at %s', (size, { skip }) => {
    const [mapped, eager] = ['mapped', 'eager'].map((name) => results.get(`${size} ${name} restore`)?.latency)
    if (!mapped || !eager) skip('mapped and eager were not both measured in this run')
    expect(Number(mapped?.p50) / Number(eager?.p50)).toBeLessThan(1)
  })
})
