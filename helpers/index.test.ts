import { describe, expect, test } from 'vitest'
import * as api from './index.ts'
import type { RestoreSuite } from './index.ts'
import { messageOf } from './testing/messages.ts'

test('nothing but the public API is exported', () => {
  expect(Object.keys(api).toSorted()).toMatchInlineSnapshot(`
    [
      "CriuBenchError",
      "MB",
      "checkpointOf",
      "checkpointed",
      "criu",
      "defineHandler",
      "matrix",
      "phasesOf",
      "restoreSuite",
    ]
  `)
})

const refusing = (thresholds: RestoreSuite['thresholds'] & Record<string, unknown>): Promise<string> =>
  messageOf(() => api.restoreSuite({ strategies: ['mapped'], sizes: [api.MB], thresholds }))

describe('a suite is refused', () => {
  test('with a threshold of no phase', async () => {
    expect(await refusing({ 'first respons': 5 })).toMatchInlineSnapshot(`
      "cannot use the threshold of "first respons"
        found:    no phase of that name
        expected: one of dump, lean container, restore, execution, cold start
        fix:      correct thresholds in restoreSuite({ … })"
    `)
  })

  test('with a threshold by a strategy that is not measured', async () => {
    expect(await refusing({ restore: { times: 2, of: 'plain' } })).toMatchInlineSnapshot(`
      "cannot use the threshold of "restore"
        found:    "plain", which this suite does not measure
        expected: one of mapped
        fix:      correct thresholds in restoreSuite({ … })"
    `)
  })
})
