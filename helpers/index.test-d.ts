import { describe, expect, expectTypeOf, inject, test, type BenchResult } from 'vitest'
import { defineConfig, type Plugin } from 'vitest/config'
import {
  checkpointed,
  checkpointOf,
  criu,
  defineHandler,
  matrix,
  MB,
  phasesOf,
  restoreSuite,
  type BenchmarkCase,
  type CaseGroup,
  type PhaseName,
  type StrategyName,
  type CriuBenchError,
  type CriuOptions,
  type DumpedProcess,
  type Handler,
  type HandlerName,
  type HandlerDefinition,
  type RestoredRun,
  type RestoreSuite,
} from './index.ts'

// Nothing here runs: the compiler alone looks at it.
declare const benchmarkCase: BenchmarkCase
declare const group: CaseGroup
declare const result: BenchResult

describe('criu()', () => {
  test('is a plugin of vitest', () => {
    expectTypeOf(criu).returns.toEqualTypeOf<Plugin>()
    defineConfig({ plugins: [criu()] })
  })

  test('takes each option, all of them optional, sizes as bytes or as text', () => {
    expectTypeOf({}).toExtend<CriuOptions>()
    expectTypeOf<CriuOptions['sizes']>().toEqualTypeOf<(number | string)[] | undefined>()
    expectTypeOf<CriuOptions['strategies']>().toEqualTypeOf<StrategyName[] | undefined>()
    criu({ sizes: [MB, '64MB'], filesystems: ['tmpfs'], ratios: { restore: 8, 'cold start': 3 }, cold: true })
  })

  test('refuses what is no option, and a value of another type', () => {
    // @ts-expect-error -- misspelt
    criu({ size: ['64MB'] })
    // @ts-expect-error -- not a list
    criu({ sizes: '64MB' })
    // @ts-expect-error -- no phase
    criu({ ratios: { restoring: 8 } })
    // @ts-expect-error -- not a number
    criu({ iterations: '10' })
  })
})

describe('the types of your own function', () => {
  test('of a definition take what it takes, and nothing else', () => {
    expectTypeOf(defineHandler).parameters.toEqualTypeOf<[HandlerDefinition]>()
    expectTypeOf(defineHandler).returns.toEqualTypeOf<Handler>()
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
    expectTypeOf<RestoreSuite['handler']>().toEqualTypeOf<Handler | HandlerName | undefined>()
    expectTypeOf<{
      thresholds: { restore: 5; 'cold start': { times: 2; of: 'plain' } }
    }>().toExtend<RestoreSuite>()
    expectTypeOf<{ thresholds: { restore: '5ms' } }>().not.toExtend<RestoreSuite>()
    // @ts-expect-error -- no phase
    restoreSuite({ thresholds: { restoring: 5 } })
  })

  test('of a checkpoint are disposable, and give phases in ms', () => {
    expectTypeOf(checkpointOf).returns.resolves.toEqualTypeOf<DumpedProcess>()
    expectTypeOf<DumpedProcess>().toExtend<AsyncDisposable>()
    expectTypeOf<RestoredRun['phases']>().toEqualTypeOf<ReadonlyMap<PhaseName, number>>()
  })
})

describe('a suite', () => {
  test('is made of the cases of a matrix, whose names an editor completes', () => {
    expectTypeOf(matrix).returns.toEqualTypeOf<CaseGroup[]>()
    expectTypeOf(matrix).toBeCallableWith({
      sizes: [MB, '1MB'],
      strategies: ['mapped'],
      handler: 'native',
      cold: false,
      interleave: true,
    })
    expectTypeOf(matrix).toBeCallableWith({ handler: 'one of your own' })
    expectTypeOf(phasesOf).parameters.toEqualTypeOf<[BenchmarkCase]>()
    expectTypeOf(phasesOf).returns.toEqualTypeOf<PhaseName[]>()
    expectTypeOf<BenchmarkCase>().toHaveProperty('size').toEqualTypeOf<number>()
    expectTypeOf<BenchmarkCase['strategy']['name']>().toEqualTypeOf<StrategyName>()
    // @ts-expect-error -- misspelt
    matrix({ strategies: ['maped'] })
    // @ts-expect-error -- no filesystem
    matrix({ filesystems: ['zfs'] })
  })

  test('has a run that bench() takes', () => {
    test('a phase', ({ bench }) => {
      expectTypeOf(bench).toBeCallableWith('restore', checkpointed(benchmarkCase))
      expectTypeOf(bench).toBeCallableWith('restore', checkpointed(benchmarkCase, group))
    })
  })

  test('knows its settings', () => {
    expectTypeOf(inject('criu')).toHaveProperty('sizes').toEqualTypeOf<number[]>()
    // @ts-expect-error -- they are checked and complete, and not to be changed
    inject('criu').iterations = 5
  })
})

describe('a result', () => {
  test('has matchers', () => {
    expectTypeOf(expect(result).toMeetReference).toBeCallableWith()
    expectTypeOf(expect(result).toMeetReference).toBeCallableWith({ tolerance: 3 })
    expectTypeOf(expect(result).toKeepUpWithTmpfs).toBeCallableWith()
    expectTypeOf(expect(result).toPassGate).toBeCallableWith()
    // @ts-expect-error -- a number
    expect(result).toMeetReference({ tolerance: '2' })
  })

  test('says of which suite and phase it is', () => {
    expectTypeOf(result.criu?.phase).toEqualTypeOf<string | undefined>()
    expectTypeOf(result.criu?.size).toEqualTypeOf<number | undefined>()
  })
})

test('an error says what failed, what was found, what was expected, and the fix', () => {
  expectTypeOf<CriuBenchError['facts']>().toHaveProperty('fix').toEqualTypeOf<string>()
  expectTypeOf<keyof CriuBenchError['facts']>().toEqualTypeOf<
    'failed' | 'found' | 'expected' | 'fix' | 'log'
  >()
})
