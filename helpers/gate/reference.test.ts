import { describe, expect, test } from 'vitest'
import { GB, MB } from '../units.ts'
import { referenceFor } from './reference.ts'

const subject = { filesystem: 'tmpfs', size: MB, strategy: 'mapped', handler: 'python' }

const row = (phase: string) =>
  [1, 4, 16, 64, 256, 1024].map((mb) => referenceFor({ ...subject, size: mb * MB }, phase))

describe('the reference', () => {
  test('has the published table for tmpfs', () => {
    expect({ dump: row('dump'), container: row('lean container') }).toEqual({
      dump: [12.7, 14.4, 21.5, 46.5, 158.2, 514.9],
      container: [6, 6, 6, 6, 6, 6],
    })
    expect({ restore: row('restore'), execution: row('execution') }).toEqual({
      restore: [5, 5, 5.2, 5.2, 5.2, 5.6],
      execution: [0.72, 3, 12.7, 55, 188, 744],
    })
  })

  test('defines the cold start as the sum of lean container, restore and execution', () => {
    expect(referenceFor({ ...subject, size: GB }, 'cold start')).toBeCloseTo(6 + 5.6 + 744, 6)
  })

  test('has no figure for another filesystem, strategy, handler, size or phase', () => {
    expect(referenceFor({ ...subject, filesystem: 'ceph' }, 'restore')).toBeUndefined()
    expect(referenceFor({ ...subject, strategy: 'eager' }, 'restore')).toBeUndefined()
    expect(referenceFor({ ...subject, handler: 'native' }, 'restore')).toBeUndefined()
    expect(referenceFor({ ...subject, size: 2 * MB }, 'restore')).toBeUndefined()
    expect(referenceFor({ ...subject, size: 2 * MB }, 'cold start')).toBeUndefined()
    expect(referenceFor(subject, 'teardown')).toBeUndefined()
    expect(referenceFor({ ...subject, size: MB + 1 }, 'restore')).toBeUndefined()
  })
})
