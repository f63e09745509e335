import { describe, expect, test } from 'vitest'
import * as api from './index.ts'
import type { RestoreSuiteOptions } from './index.ts'
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

const refusalOf = (
  thresholds: RestoreSuiteOptions['thresholds'] & Record<string, unknown>,
): Promise<string> =>
  messageOf(() => api.restoreSuite({ strategies: ['mapped'], sizes: [api.MB], thresholds }))

describe('restoreSuite refuses', () => {
  test('a threshold for an unknown phase', async () => {
    expect(await refusalOf({ 'first respons': 5 })).toMatchInlineSnapshot(`
      "cannot use the threshold for "first respons"
        found:    a name that is no phase of this suite
        expected: one of dump, lean container, restore, execution, cold start
        fix:      correct thresholds in restoreSuite({ … })"
    `)
  })

  test('a threshold relative to a strategy that it does not measure', async () => {
    expect(await refusalOf({ restore: { times: 2, of: 'plain' } })).toMatchInlineSnapshot(`
      "cannot use the threshold for "restore"
        found:    the strategy "plain", which this suite does not measure
        expected: one of mapped
        fix:      correct thresholds in restoreSuite({ … })"
    `)
  })
})
