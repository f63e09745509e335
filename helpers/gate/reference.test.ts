import { describe, expect, test } from 'vitest'
import { GB, MB } from '../units.ts'
import { referenceFor } from './reference.ts'

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
    expect(referenceFor({ ...one, size: MB + 1 }, 'restore')).toBeUndefined()
  })
})
