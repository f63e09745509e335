import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { statisticsOf, summarize } from './summary.ts'

describe('summarize', () => {
  test('uses exactly the given samples, in ms', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 }), (samples) => {
        const { latency } = statisticsOf('restore', samples)
        expect(latency.samples).toEqual(samples.toSorted((one, other) => one - other))
        expect(summarize('restore', samples)).toMatchObject({
          n: samples.length,
          min: Math.min(...samples),
          max: Math.max(...samples),
        })
      }),
    )
  })

  test('gives the median of an odd and of an even number of samples', () => {
    expect(summarize('restore', [3, 1, 9]).median).toBe(3)
    expect(summarize('restore', [3, 1, 9, 4]).median).toBe(3.5)
  })

  test('gives a single sample a standard deviation of 0', () => {
    expect(summarize('restore', [5]).sd).toBe(0)
  })

  test.each([Number.NaN, -1, Number.POSITIVE_INFINITY])('refuses %s as a sample', (bad) => {
    expect(() => summarize('restore', [1, bad])).toThrowErrorMatchingSnapshot()
  })

  test('refuses to summarize nothing', () => {
    expect(() => summarize('restore', [])).toThrowErrorMatchingInlineSnapshot(`
      [CriuBenchError: cannot summarize the phase "restore"
        found:    no samples
        expected: at least one sample, each a finite number of ms, 0 or more
        fix:      report this as a bug in vitest-criu]
    `)
  })
})
