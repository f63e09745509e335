import { describe, expect, test } from 'vitest'
import { MB } from '../units.ts'
import { judgeRun, judgeSuite, type GateRules } from './judge.ts'
import { outcomeOf } from './outcome.ts'
import type { MeasuredSuite } from './verdict.ts'
import { results } from '../testing/results.ts'

const RULES: GateRules = { tolerance: 2, ratios: { restore: 3 } }

/** A suite with one figure: the median of restore, in ms. */
const suite = (
  median: number,
  {
    filesystem = 'tmpfs',
    strategy = 'mapped',
    size = MB,
    handler = 'python',
    ...rest
  }: Partial<MeasuredSuite> = {},
): MeasuredSuite => ({
  title: `${filesystem} ${strategy}`,
  filesystem,
  strategy,
  size,
  handler,
  label: '1MB',
  mounted: filesystem,
  baseImage: 'criu',
  checksum: 'abc',
  mapped: 0,
  copied: 0,
  figures: [{ phase: 'restore', n: 10, median, mean: median, min: median, max: median, sd: 0 }],
  dumps: [],
  samples: [],
  ...rest,
})

const criu = (name: string) => ({ name, version: '4.2', hash: name, dump: [], restore: [] })

const verdictOf = (
  measured: MeasuredSuite,
  rules: Partial<GateRules> = {},
  { comparable = [], sameRun = [] }: { comparable?: MeasuredSuite[]; sameRun?: MeasuredSuite[] } = {},
) => judgeSuite(measured, { ...RULES, ...rules }, { comparable, sameRun }).figures[0]?.verdict

describe('a median is compared', () => {
  test('with the reference, within the tolerance and beyond it', () => {
    expect(verdictOf(suite(10))).toEqual({
      source: 'reference',
      state: 'pass',
      reference: 5,
      ratio: 2,
      tolerance: 2,
      reason: "2.00 × the reference's 5 ms, within the tolerance of 2 ×",
    })
    expect(verdictOf(suite(33.9))).toMatchObject({
      state: 'miss',
      reason: "6.78 × the reference's 5 ms, beyond the tolerance of 2 ×",
    })
  })

  test("with the suite's own threshold rather than the reference", () => {
    expect(verdictOf(suite(4), { thresholds: { restore: 3 } })).toMatchObject({
      source: 'threshold',
      state: 'miss',
      reason: '1.33 × the allowed 3 ms, beyond the threshold of 1 ×',
    })
  })

  test('with another strategy of the same checkpoint, but never with a suite of another size', () => {
    const eager = suite(10, { strategy: 'eager' })
    const thresholds = { restore: { times: 0.5, of: 'eager' } }
    expect(verdictOf(suite(6), { thresholds }, { comparable: [eager] })).toMatchObject({
      source: 'threshold',
      of: 'eager',
      state: 'miss',
      reason: '0.60 × the 10.0 ms of eager, beyond the threshold of 0.5 ×',
    })
    expect(verdictOf(suite(5), { thresholds }, { comparable: [eager] })).toMatchObject({ state: 'pass' })
    // A suite of the same run that does not share the checkpoint.
    const large = suite(1000, { strategy: 'eager', size: 64 * MB })
    expect(verdictOf(suite(6), { thresholds }, { sameRun: [large] })).toEqual({
      source: 'threshold',
      state: 'ungated',
      reason: 'the threshold is 0.5 × eager, but eager was not measured in this run',
    })
  })

  test('with the same strategy of another CRIU, and with another strategy of the same CRIU', () => {
    const comparable = [
      suite(2, { criu: criu('stock') }),
      suite(8, { criu: criu('stock'), strategy: 'eager' }),
      suite(3, { criu: criu('mine') }),
      suite(4, { criu: criu('mine'), strategy: 'eager' }),
    ]
    const mine = suite(3, { criu: criu('mine') })
    const against = (of: string) =>
      verdictOf(mine, { thresholds: { restore: { times: 1.2, of } } }, { comparable })
    expect(against('stock')).toMatchObject({ state: 'miss', reference: 2, of: 'stock' })
    expect(against('eager')).toMatchObject({ state: 'pass', reference: 4, of: 'eager' })
    // No threshold for itself: the reference applies.
    expect(against('mine')).toMatchObject({ source: 'reference' })
  })

  test('with the same suite on tmpfs, if the reference has no figure', () => {
    const onTmpfs = suite(2)
    const ext4 = suite(7, { filesystem: 'ext4' })
    expect(verdictOf(ext4, {}, { sameRun: [onTmpfs] })).toMatchObject({
      source: 'tmpfs',
      state: 'miss',
      reason: '3.50 × the 2.00 ms on tmpfs in the same run, beyond the ratio of 3 ×',
    })
    const others = [
      suite(2, { size: 4 * MB }),
      suite(2, { strategy: 'lazy' }),
      suite(2, { handler: 'native' }),
    ]
    expect(verdictOf(ext4, {}, { sameRun: others })).toMatchObject({ state: 'ungated', source: 'none' })
    expect(verdictOf(ext4, { ratios: {} }, { sameRun: [onTmpfs] })).toMatchObject({ state: 'ungated' })
    const cold = suite(7, { filesystem: 'ext4', cold: true })
    expect(verdictOf(cold, {}, { sameRun: [onTmpfs] })).toMatchObject({ state: 'ungated' })
  })
})

test('a suite that was measured before tmpfs is judged at the end of the run, and can fail it', () => {
  const neighbours = { comparable: [], sameRun: [] }
  const [ext4, tmpfs] = [suite(7, { filesystem: 'ext4', size: 5 }), suite(2, { size: 5 })].map((each) =>
    judgeSuite(each, RULES, neighbours),
  )
  if (!ext4 || !tmpfs) throw new Error('no suites')
  expect(outcomeOf(results(ext4, tmpfs))).toBe('pass')
  const judged = judgeRun([ext4, tmpfs], RULES)
  expect(judged.map(({ figures }) => figures[0]?.verdict.state)).toEqual(['miss', 'ungated'])
  expect(outcomeOf(results(...judged))).toBe('miss')
})
