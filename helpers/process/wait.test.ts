import { describe, expect, test } from 'vitest'
import { CriuBenchError } from '../errors.ts'
import { messageOf } from '../testing/messages.ts'
import { holdsWithin, waitFor } from './wait.ts'

const wait = {
  failed: 'cannot mount ceph on /point',
  expected: 'a mount of type fuse.ceph-fuse',
  found: 'no mount there',
  fix: 'look at the cluster: ceph status',
  limit: 30,
  interval: 1,
}

/** Holds from the look of that number on. */
const fromLook = (number: number) => {
  let looks = 0
  return () => ++looks >= number
}

describe('waiting for a condition', () => {
  test('ends with the first look that finds it', async () => {
    let looks = 0
    await waitFor(async () => ++looks === 3, wait)
    expect(looks).toBe(3)
  })

  test('looks once where there is no time at all', async () => {
    expect(await holdsWithin(() => true, { limit: 0 })).toBe(true)
    expect(await holdsWithin(fromLook(2), { limit: 0 })).toBe(false)
  })

  test('fails at its limit, with what is waited for and for how long', async () => {
    const started = performance.now()
    expect(await messageOf(() => waitFor(() => false, wait))).toMatchInlineSnapshot(`
      "cannot mount ceph on /point
        found:    no mount there
        expected: a mount of type fuse.ceph-fuse within 0.03 s
        fix:      look at the cluster: ceph status"
    `)
    expect(performance.now() - started).toBeGreaterThanOrEqual(29)
  })

  test('asks at the limit what there is, and for the last lines', async () => {
    let state = 'at first'
    const asking = { ...wait, found: () => state, log: async () => `log ${state}` }
    const never = (): boolean => {
      state = 'at last'
      return false
    }
    const message = await messageOf(() => waitFor(never, asking))
    expect(message).toContain('found:    at last')
    expect(message).toContain('log:      log at last')
  })

  test('fails with the error of what ended before, long before its limit', async () => {
    const ended = new CriuBenchError({ failed: 'ceph-fuse ended', found: 'exit status 1', expected: '', fix: '' }) // prettier-ignore
    const error = waitFor(() => false, { ...wait, limit: 60_000, endedBefore: Promise.resolve(ended) })
    await expect(error).rejects.toBe(ended)
  })

  test('takes what was brought about right before the end', async () => {
    const ended = new CriuBenchError({ failed: 'the handler ended', found: '', expected: '', fix: '' })
    const { promise, resolve } = Promise.withResolvers<CriuBenchError>()
    let looks = 0
    const condition = async (): Promise<boolean> => {
      if (++looks === 1) resolve(ended)
      return looks === 2
    }
    await waitFor(condition, { ...wait, endedBefore: promise })
    expect(looks).toBe(2)
  })
})
