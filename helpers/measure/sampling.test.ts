import { expect, test } from 'vitest'
import { NoiseWatch } from './noise.ts'
import { withCheckpoint } from '../testing/checkpoints.ts'
import { countOf, isEnough, watchedTrial } from './sampling.ts'

test('a sample has the control beside it', async () => {
  await withCheckpoint({}, async (checkpoint) => {
    const { control, checksum } = await watchedTrial(checkpoint, new NoiseWatch([checkpoint.host]))
    expect(control).toBeGreaterThan(0)
    expect(checksum).toBe(checkpoint.checksum)
  })
})

test('samples are enough when there are so many of them and so much time is over', () => {
  const now = performance.now()
  expect(isEnough(9, now, { iterations: 10 })).toBe(false)
  expect(isEnough(10, now, { iterations: 10 })).toBe(true)
  expect(isEnough(10, now, { iterations: 10, time: 60_000 })).toBe(false)
  expect(isEnough(10, now - 60_000, { iterations: 10, time: 60_000 })).toBe(true)
  expect(isEnough(9, now - 60_000, { iterations: 10, time: 60_000 })).toBe(false)
})

test('a count says what is to come', () => {
  expect(countOf(3, { iterations: 10 })).toBe('3/10')
  expect(countOf(31, { iterations: 30, time: 3000 })).toBe('31, at least 30 in 3 s')
})
