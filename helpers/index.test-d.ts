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
  type RestoreSuiteOptions,
} from './index.ts'

// Nothing here runs. Only the compiler checks this file.
declare const benchmarkCase: BenchmarkCase
declare const group: CaseGroup
declare const result: BenchResult

describe('criu()', () => {
  test('returns a vitest plugin', () => {
    expectTypeOf(criu).returns.toEqualTypeOf<Plugin>()
    defineConfig({ plugins: [criu()] })
  })

  test('accepts any subset of the options, and sizes in bytes or as text', () => {
    expectTypeOf({}).toExtend<CriuOptions>()
    expectTypeOf<CriuOptions['sizes']>().toEqualTypeOf<(number | string)[] | undefined>()
    expectTypeOf<CriuOptions['strategies']>().toEqualTypeOf<StrategyName[] | undefined>()
    criu({ sizes: [MB, '64MB'], filesystems: ['tmpfs'], ratios: { restore: 8, 'cold start': 3 }, cold: true })
  })

  test('refuses unknown options and values of the wrong type', () => {
    // @ts-expect-error -- misspelt
    criu({ size: ['64MB'] })
    // @ts-expect-error -- not a list
    criu({ sizes: '64MB' })
    type Of = Exclude<NonNullable<NonNullable<RestoreSuiteOptions['thresholds']>['restore']>, number>['of']
    // Names that an editor can complete, and any other: a text alone would swallow them.
    expectTypeOf<Of>().toEqualTypeOf<StrategyName | (string & {})>()
    // @ts-expect-error -- not a phase
    criu({ ratios: { restoring: 8 } })
    // @ts-expect-error -- not a number
    criu({ iterations: '10' })
  })
})

describe("the types for a user's own handler", () => {
  test('accept every valid definition, and no other', () => {
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

  test('let a suite take a handler or its name, and thresholds in ms or as a ratio', () => {
    expectTypeOf<RestoreSuiteOptions['handler']>().toEqualTypeOf<Handler | HandlerName | undefined>()
    expectTypeOf<{
      thresholds: { restore: 5; 'cold start': { times: 2; of: 'plain' } }
    }>().toExtend<RestoreSuiteOptions>()
    expectTypeOf<{ thresholds: { restore: '5ms' } }>().not.toExtend<RestoreSuiteOptions>()
    // @ts-expect-error -- not a phase
    restoreSuite({ thresholds: { restoring: 5 } })
  })

  test('make a checkpoint disposable, with phases in ms', () => {
    expectTypeOf(checkpointOf).returns.resolves.toEqualTypeOf<DumpedProcess>()
    expectTypeOf<DumpedProcess>().toExtend<AsyncDisposable>()
    expectTypeOf<RestoredRun['phases']>().toEqualTypeOf<ReadonlyMap<PhaseName, number>>()
  })
})

describe('a suite', () => {
  test('is built from the cases of a matrix, whose names an editor can complete', () => {
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
    // @ts-expect-error -- not a filesystem
    matrix({ filesystems: ['zfs'] })
  })

  test('has a function that bench() accepts', () => {
    test('a phase', ({ bench }) => {
      expectTypeOf(bench).toBeCallableWith('restore', checkpointed(benchmarkCase))
      expectTypeOf(bench).toBeCallableWith('restore', checkpointed(benchmarkCase, group))
    })
  })

  test('can read its settings, but not change them', () => {
    expectTypeOf(inject('criu')).toHaveProperty('sizes').toEqualTypeOf<number[]>()
    // @ts-expect-error -- settings are read-only
    inject('criu').iterations = 5
  })
})

describe('a result', () => {
  test('has matchers', () => {
    expectTypeOf(expect(result).toMeetReference).toBeCallableWith()
    expectTypeOf(expect(result).toMeetReference).toBeCallableWith({ tolerance: 3 })
    expectTypeOf(expect(result).toKeepUpWithTmpfs).toBeCallableWith()
    expectTypeOf(expect(result).toPassGate).toBeCallableWith()
    // @ts-expect-error -- not a number
    expect(result).toMeetReference({ tolerance: '2' })
  })

  test('names its suite and phase', () => {
    expectTypeOf(result.criu?.phase).toEqualTypeOf<string | undefined>()
    expectTypeOf(result.criu?.size).toEqualTypeOf<number | undefined>()
  })
})

test('an error has the parts failed, found, expected and fix', () => {
  expectTypeOf<CriuBenchError['facts']>().toHaveProperty('fix').toEqualTypeOf<string>()
  expectTypeOf<keyof CriuBenchError['facts']>().toEqualTypeOf<
    'failed' | 'found' | 'expected' | 'fix' | 'log'
  >()
})
