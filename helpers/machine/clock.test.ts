import { afterEach, expect, test, vi } from 'vitest'
import { localHost } from '../host/host.ts'
import { compareClocks } from './clock.ts'

afterEach(() => vi.restoreAllMocks())

test('the error of a comparison counts time in which this process did not run', async () => {
  const read = Date.now.bind(Date)
  vi.spyOn(Date, 'now').mockImplementationOnce(() => {
    const now = read()
    for (const end = performance.now() + 20; performance.now() < end;);
    return now
  })
  const { offset, bound } = await compareClocks(localHost)
  // One clock: what is found must be within the bound of nothing.
  expect(Math.abs(offset)).toBeLessThanOrEqual(bound)
})
