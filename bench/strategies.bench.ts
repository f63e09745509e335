/**
 * Compares all strategies that restore, on the same dumps and measured in turn, and checks that the restore time of
 * `mapped` does not grow with memory. The native handler only reads one word of every page, so that memory dominates.
 */
import { describe, expect, inject, test, type BenchResult } from 'vitest'
import { checkpointed, matrix, phasesOf } from '../helpers/index.ts'

const { iterations, time } = inject('criu')
const results = new Map<string, BenchResult>()
const medianOf = (title: string, phase: string): number =>
  results.get(`${title} > ${phase}`)?.latency.p50 ?? Number.NaN

/** Skips a comparison if `-t` excluded one of its suites. */
function skipUnlessMeasured(skip: (reason: string) => void, ...titles: string[]): void {
  const missing = titles.filter((title) => !results.has(`${title} > cold start`))
  if (missing.length > 0) skip(`not measured in this run: ${missing.join(', ')}`)
}

const groups = matrix({
  filesystems: ['tmpfs'],
  sizes: ['1MB', '16MB', '64MB', '256MB', '1024MB'],
  strategies: ['mapped', 'lazy', 'eager'],
  handler: 'native',
  interleave: true,
})

for (const group of groups)
  for (const benchmarkCase of group.cases)
    describe(benchmarkCase.title, () => {
      const run = checkpointed(benchmarkCase, group)

      for (const phase of phasesOf(benchmarkCase)) {
        test(phase, async ({ bench }) => {
          const result = await bench(phase, run).run()
          results.set(`${benchmarkCase.title} > ${phase}`, result)
          // With the option `time`, more samples can be taken.
          expect(result.latency.samplesCount).toBeGreaterThanOrEqual(iterations)
          if (time === 0) expect(result.latency.samplesCount).toBe(iterations)
        })
      }
    })

describe('strategies compared', () => {
  test('mapped restores 1024MB in at most 1.25 × the time of 1MB', ({ skip }) => {
    skipUnlessMeasured(skip, 'tmpfs 1MB mapped', 'tmpfs 1024MB mapped')
    const ratio = medianOf('tmpfs 1024MB mapped', 'restore') / medianOf('tmpfs 1MB mapped', 'restore')
    expect(ratio).toBeLessThanOrEqual(1.25)
  })

  test.for(['16MB', '64MB', '256MB', '1024MB'])('mapped starts faster than eager at %s', (size, { skip }) => {
    skipUnlessMeasured(skip, `tmpfs ${size} mapped`, `tmpfs ${size} eager`)
    const ratio =
      medianOf(`tmpfs ${size} mapped`, 'cold start') / medianOf(`tmpfs ${size} eager`, 'cold start')
    expect(ratio).toBeLessThan(1)
  })

  test.for([
    ['eager', 10],
    ['lazy', 5],
  ] as const)(
    'mapped starts a 1024MB process at least %2$d times as fast as %1$s',
    ([strategy, times], { skip }) => {
      skipUnlessMeasured(skip, 'tmpfs 1024MB mapped', `tmpfs 1024MB ${strategy}`)
      const ratio =
        medianOf(`tmpfs 1024MB ${strategy}`, 'cold start') / medianOf('tmpfs 1024MB mapped', 'cold start')
      expect(ratio).toBeGreaterThanOrEqual(times)
    },
  )
})
