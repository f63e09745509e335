import { describe, expect, expectTypeOf, test } from 'vitest'
import * as api from './index.ts'
import type { DumpedProcess, Handler, HandlerDefinition, RestoredRun, RestoreSuite } from './index.ts'
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
      "hasPeer",
      "hasReference",
      "matrix",
      "phasesOf",
      "restoreSuite",
    ]
  `)
})

/** Read by the type check: what is a mistake in a user's file has to be one there. */
describe('the types', () => {
  test('of a definition take what it takes, and nothing else', () => {
    expectTypeOf(api.defineHandler).parameters.toEqualTypeOf<[HandlerDefinition]>()
    expectTypeOf(api.defineHandler).returns.toEqualTypeOf<Handler>()
    expectTypeOf<{ name: 'own'; command: string[] }>().toExtend<HandlerDefinition>()
    expectTypeOf<{
      name: 'own'
      command: () => Promise<string[]>
      ready: { line: RegExp }
    }>().toExtend<HandlerDefinition>()
    expectTypeOf<{
      name: 'own'
      command: string[]
      trigger: { signal: 'SIGUSR1' }
    }>().toExtend<HandlerDefinition>()
    expectTypeOf<{ name: 'own' }>().not.toExtend<HandlerDefinition>()
    expectTypeOf<{ name: 'own'; command: string }>().not.toExtend<HandlerDefinition>()
    expectTypeOf<{ name: 'own'; command: string[]; done: 'soon' }>().not.toExtend<HandlerDefinition>()
    expectTypeOf<{
      name: 'own'
      command: string[]
      trigger: { signal: 'SIGWHAT' }
    }>().not.toExtend<HandlerDefinition>()
  })

  test('of a suite take a handler or a name of one, and thresholds in ms or as a ratio', () => {
    expectTypeOf<RestoreSuite['handler']>().toEqualTypeOf<Handler | string | undefined>()
    expectTypeOf<{
      thresholds: { restore: 5; 'cold start': { times: 2; of: 'plain' } }
    }>().toExtend<RestoreSuite>()
    expectTypeOf<{ thresholds: { restore: '5ms' } }>().not.toExtend<RestoreSuite>()
  })

  test('of a checkpoint are disposable, and give phases in ms', () => {
    expectTypeOf(api.checkpointOf).returns.resolves.toEqualTypeOf<DumpedProcess>()
    expectTypeOf<DumpedProcess>().toExtend<AsyncDisposable>()
    expectTypeOf<RestoredRun['phases']>().toEqualTypeOf<ReadonlyMap<string, number>>()
  })
})

const refusing = (thresholds: RestoreSuite['thresholds']): Promise<string> =>
  messageOf(() =>
    api.restoreSuite({ strategies: ['mapped'], sizes: [api.MB], ...(thresholds && { thresholds }) }),
  )

describe('a suite is refused', () => {
  test('with a threshold of no phase', async () => {
    expect(await refusing({ 'first respons': 5 })).toMatchInlineSnapshot(`
      "cannot use the threshold of "first respons"
        found:    no phase of that name
        expected: one of dump, lean container, restore, execution, cold start
        mend:     correct thresholds in restoreSuite({ … })"
    `)
  })

  test('with a threshold by a strategy that is not measured', async () => {
    expect(await refusing({ restore: { times: 2, of: 'plain' } })).toMatchInlineSnapshot(`
      "cannot use the threshold of "restore"
        found:    "plain", which is not measured beside it
        expected: one of mapped
        mend:     correct thresholds in restoreSuite({ … })"
    `)
  })
})
