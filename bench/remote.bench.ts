/**
 * What a shared filesystem is for: a process is dumped on one host and starts on another, which has nothing of it in its
 * cache. What does that cost with each strategy? The native handler reads one word of every page.
 */
import { describe, expect, inject, test, type BenchResult } from 'vitest'
import { checkpointed, matrix, MB, phasesOf } from '../helpers/index.ts'

const SIZES = [16, 64].map((megabytes) => megabytes * MB)
const { restoreOn = 'namespace', iterations, time } = inject('criu')
// Each sample is a first start on that host: its files are out of the cache before it.
const cells = matrix({
  filesystems: ['ceph'],
  sizes: SIZES,
  strategies: ['mapped', 'lazy', 'eager'],
  handler: 'native',
  cold: true,
  restoreOn,
})
  .flat()
  .filter(({ cold }) => cold)

const results = new Map<string, BenchResult>()

for (const cell of cells) {
  describe(cell.title, () => {
    const body = checkpointed(cell, cells)

    for (const phase of phasesOf(cell)) {
      test(phase, async ({ bench }) => {
        const result = await bench(phase, body).run()
        results.set(`${cell.size} ${cell.strategy} ${phase}`, result)
        // A gate takes as many as its time has room for.
        expect(result.latency.samplesCount).toBeGreaterThanOrEqual(iterations)
        if (time === 0) expect(result.latency.samplesCount).toBe(iterations)
      })
    }
  })
}

describe('the strategies compared, on the other host', () => {
  test.for(SIZES)('mapped restores ahead of eager: %d bytes', (size, { skip }) => {
    const [mapped, eager] = ['mapped', 'eager'].map((name) => results.get(`${size} ${name} restore`)?.latency)
    if (!mapped || !eager) skip('not both of them were measured in this run')
    expect(Number(mapped?.p50) / Number(eager?.p50)).toBeLessThan(1)
  })
})
