import { describe, expect, test } from 'vitest'
import { GB, MB } from '../units.ts'
import { hasReference, referenceFor } from './reference.ts'
import { explain, judge } from './verdict.ts'

const one = { filesystem: 'tmpfs', size: MB, strategy: 'mapped', handler: 'python' }

const row = (phase: string) =>
  [1, 4, 16, 64, 256, 1024].map((mb) => referenceFor({ ...one, size: mb * MB }, phase))

describe('the reference', () => {
  test("has the seed's table for tmpfs", () => {
    expect({ dump: row('dump'), container: row('lean container') }).toEqual({
      dump: [12.7, 14.4, 21.5, 46.5, 158.2, 514.9],
      container: [6, 6, 6, 6, 6, 6],
    })
    expect({ restore: row('restore'), execution: row('execution') }).toEqual({
      restore: [5, 5, 5.2, 5.2, 5.2, 5.6],
      execution: [0.72, 3, 12.7, 55, 188, 744],
    })
  })

  test('has the sum of its three phases as cold start', () => {
    expect(referenceFor({ ...one, size: GB }, 'cold start')).toBeCloseTo(6 + 5.6 + 744, 6)
  })

  test('has nothing for another filesystem, strategy, handler, size or phase', () => {
    expect(referenceFor({ ...one, filesystem: 'ceph' }, 'restore')).toBeUndefined()
    expect(referenceFor({ ...one, strategy: 'eager' }, 'restore')).toBeUndefined()
    expect(referenceFor({ ...one, handler: 'native' }, 'restore')).toBeUndefined()
    expect(referenceFor({ ...one, size: 2 * MB }, 'restore')).toBeUndefined()
    expect(referenceFor({ ...one, size: 2 * MB }, 'cold start')).toBeUndefined()
    expect(referenceFor(one, 'teardown')).toBeUndefined()
    expect(hasReference(one)).toBe(true)
    expect(hasReference({ ...one, size: MB + 1 })).toBe(false)
  })
})

describe('a verdict', () => {
  const measured = { ...one, phase: 'restore', n: 10 }

  test('passes up to the tolerance, and misses beyond it', () => {
    expect(judge({ ...measured, median: 10 }, 2)).toEqual({
      state: 'pass',
      reference: 5,
      ratio: 2,
      tolerance: 2,
    })
    expect(judge({ ...measured, median: 10.001 }, 2).state).toBe('miss')
  })

  test('is none without a reference', () => {
    expect(judge({ ...measured, size: 3, median: 1 }, 2)).toEqual({ state: 'ungated' })
  })

  test('says every figure in one sentence', () => {
    const sentences = [4, 33.9].map((median) =>
      explain({ ...measured, median }, judge({ ...measured, median }, 2)),
    )
    const ungated = explain({ ...measured, size: 3, median: 4 }, { state: 'ungated' })
    expect([...sentences, ungated].join('\n')).toMatchInlineSnapshot(`
      "tmpfs 1MB mapped > restore: median 4.00 ms (n=10) is 0.80 × the reference's 5 ms, within the tolerance of 2 ×
      tmpfs 1MB mapped > restore: median 33.9 ms (n=10) is 6.78 × the reference's 5 ms, beyond the tolerance of 2 ×
      tmpfs 3B mapped > restore: median 4.00 ms (n=10); the reference has no figure for it"
    `)
  })
})
