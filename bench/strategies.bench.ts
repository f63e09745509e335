/**
 * All strategies side by side, from the same dumps, in the same rounds: what does each cost, and is `mapped` flat in
 * memory size? The native handler reads one word of every page, so memory is what is measured, and not Python.
 */
import { describe, expect, inject, test, type BenchResult } from 'vitest'
import { checkpointed, matrix, phasesOf } from '../helpers/index.ts'

const { iterations, time } = inject('criu')
const results = new Map<string, BenchResult>()
const medianOf = (title: string, phase: string): number =>
  results.get(`${title} > ${phase}`)?.latency.p50 ?? Number.NaN

/** Skips a comparison whose suites `-t` left out. */
function needs(skip: (reason: string) => void, ...titles: string[]): void {
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
          // Where the option `time` has room for more, more samples are taken.
          expect(result.latency.samplesCount).toBeGreaterThanOrEqual(iterations)
          if (time === 0) expect(result.latency.samplesCount).toBe(iterations)
        })
      }
    })

describe('the strategies compared', () => {
  test('mapped restore is flat: at 1024MB at most 1.25 × that at 1MB', ({ skip }) => {
    needs(skip, 'tmpfs 1MB mapped', 'tmpfs 1024MB mapped')
    const ratio = medianOf('tmpfs 1024MB mapped', 'restore') / medianOf('tmpfs 1MB mapped', 'restore')
    expect(ratio).toBeLessThanOrEqual(1.25)
  })

  test.for(['16MB', '64MB', '256MB', '1024MB'])('mapped starts ahead of eager at %s', (size, { skip }) => {
    needs(skip, `tmpfs ${size} mapped`, `tmpfs ${size} eager`)
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
      needs(skip, 'tmpfs 1024MB mapped', `tmpfs 1024MB ${strategy}`)
      const ratio =
        medianOf(`tmpfs 1024MB ${strategy}`, 'cold start') / medianOf('tmpfs 1024MB mapped', 'cold start')
      expect(ratio).toBeGreaterThanOrEqual(times)
    },
  )
})
