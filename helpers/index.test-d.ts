import { describe, expect, expectTypeOf, inject, test, type BenchResult } from 'vitest'
import { defineConfig, type Plugin } from 'vitest/config'
import {
  checkpointed,
  criu,
  matrix,
  MB,
  phasesOf,
  type Cell,
  type CriuBenchError,
  type CriuOptions,
} from './index.ts'

// Nothing here runs: the compiler alone looks at it.
declare const cell: Cell
declare const result: BenchResult

describe('criu()', () => {
  test('is a plugin of vitest', () => {
    expectTypeOf(criu).returns.toEqualTypeOf<Plugin>()
    defineConfig({ plugins: [criu()] })
  })

  test('takes each option, all of them optional, sizes as bytes or as text', () => {
    expectTypeOf({}).toExtend<CriuOptions>()
    expectTypeOf<CriuOptions['sizes']>().toEqualTypeOf<(number | string)[] | undefined>()
    expectTypeOf<CriuOptions['strategies']>().toEqualTypeOf<string[] | undefined>()
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

describe('a suite', () => {
  test('is made of the cells of a matrix', () => {
    expectTypeOf(matrix).returns.toEqualTypeOf<Cell[][]>()
    expectTypeOf(matrix).toBeCallableWith({
      sizes: [MB],
      strategies: ['mapped'],
      handler: 'native',
      cold: false,
    })
    expectTypeOf(phasesOf).parameters.toEqualTypeOf<[Cell]>()
    expectTypeOf(phasesOf).returns.toEqualTypeOf<string[]>()
    expectTypeOf<Cell>().toHaveProperty('size').toEqualTypeOf<number>()
    // @ts-expect-error -- sizes of a matrix are bytes
    matrix({ sizes: ['1MB'] })
  })

  test('has a body that bench() takes', () => {
    test('a phase', ({ bench }) => {
      expectTypeOf(bench).toBeCallableWith('restore', checkpointed(cell))
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
    // @ts-expect-error -- a number
    expect(result).toMeetReference({ tolerance: '2' })
  })

  test('says of which suite and phase it is', () => {
    expectTypeOf(result.criu?.phase).toEqualTypeOf<string | undefined>()
    expectTypeOf(result.criu?.size).toEqualTypeOf<number | undefined>()
  })
})

test('an error says what failed, what was found, what was expected, and the mend', () => {
  expectTypeOf<CriuBenchError['facts']>().toHaveProperty('mend').toEqualTypeOf<string>()
  expectTypeOf<keyof CriuBenchError['facts']>().toEqualTypeOf<
    'failed' | 'found' | 'expected' | 'mend' | 'log'
  >()
})
