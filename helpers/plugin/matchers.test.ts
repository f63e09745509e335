import { describe, expect, test } from 'vitest'
import type { FigureResults } from '../../reports/results.ts'
import { judgeMedian, ungated } from '../gate/verdict.ts'
import { statisticsOf } from '../stats/summary.ts'
import { messageOf } from '../testing/messages.ts'
import { formatSize, MB } from '../units.ts'
// oxlint-disable-next-line import/no-unassigned-import -- it extends expect()
import './setup.ts'

/** The result of a phase whose stored verdict compares it with `reference` ms on tmpfs. Ungated without one. */
function result(phase: string, median: number, size = 64 * MB, reference?: number) {
  const verdict =
    reference === undefined
      ? ungated('there is no figure to compare it with')
      : judgeMedian(median, { source: 'tmpfs', reference, tolerance: 2 })
  const figure: FigureResults = {
    phase,
    n: 3,
    median,
    mean: median,
    min: median,
    max: median,
    sd: 0,
    verdict,
  }
  const suite = { title: `tmpfs ${formatSize(size)} mapped`, filesystem: 'tmpfs', strategy: 'mapped', handler: 'python', size } // prettier-ignore
  return {
    ...statisticsOf(phase, [median, median, median]),
    name: phase,
    criu: { ...suite, phase, figure },
  }
}

describe('toMeetReference', () => {
  test('passes a median within the tolerance', () => expect(result('restore', 10)).toMeetReference())

  test('accepts a tolerance', () => {
    expect(result('restore', 100)).toMeetReference({ tolerance: 20 })
  })

  test('fails a median beyond the tolerance, with every figure in the message', async () => {
    expect(await messageOf(() => expect(result('restore', 33.94)).toMeetReference())).toMatchInlineSnapshot(
      `"tmpfs 64MB mapped python > restore: median 33.9 ms (n=3); 6.53 × the reference's 5.2 ms, beyond the tolerance of 2 ×"`,
    )
  })

  test('fails if the reference has no figure', async () => {
    expect(await messageOf(() => expect(result('restore', 5, 3)).toMeetReference())).toMatchInlineSnapshot(
      `"tmpfs 3B mapped python > restore: median 5.00 ms (n=3); the reference has no figure for it"`,
    )
  })

  test('fails for a value that is not the result of a phase', async () => {
    expect(await messageOf(() => expect(5).toMeetReference())).toMatchInlineSnapshot(
      `"toMeetReference() takes the result of bench(phase, checkpointed(benchmarkCase)).run()"`,
    )
  })

  test('has every figure in the message of a negated assertion', async () => {
    expect(await messageOf(() => expect(result('restore', 5)).not.toMeetReference())).toMatchInlineSnapshot(
      `"tmpfs 64MB mapped python > restore: median 5.00 ms (n=3); 0.96 × the reference's 5.2 ms, within the tolerance of 2 ×"`,
    )
  })
})

test('a tolerance in the assertion replaces the stored verdict, unless the assertion is negated', () => {
  const stored = result('restore', 100)
  expect(stored).not.toMeetReference({ tolerance: 3 })
  expect(stored.criu.figure.verdict.state).toBe('ungated')
  expect(stored).toMeetReference({ tolerance: 20 })
  expect(stored.criu.figure.verdict).toMatchObject({ source: 'reference', state: 'pass', tolerance: 20 })
})

describe('toPassGate', () => {
  test('passes a figure that passed or is ungated', () => {
    expect(result('restore', 10)).toPassGate()
    expect(result('restore', 10, MB, 6)).toPassGate()
  })

  test('fails a miss, with the reason from the results', async () => {
    expect(await messageOf(() => expect(result('restore', 10, MB, 2)).toPassGate())).toMatchInlineSnapshot(
      `"tmpfs 1MB mapped python > restore: median 10.0 ms (n=3); 5.00 × the 2.00 ms on tmpfs in the same run, beyond the ratio of 2 ×"`,
    )
  })
})

describe('toKeepUpWithTmpfs', () => {
  test('uses the stored verdict of the comparison with tmpfs', async () => {
    expect(result('restore', 3, MB, 2)).toKeepUpWithTmpfs()
    expect(await messageOf(() => expect(result('restore', 10, MB, 2)).toKeepUpWithTmpfs())).toContain(
      'beyond',
    )
  })

  test('fails if tmpfs was not measured, and passes a phase without a ratio', async () => {
    expect(await messageOf(() => expect(result('restore', 10)).toKeepUpWithTmpfs())).toContain('no figure')
    expect(result('done', 10)).toKeepUpWithTmpfs()
  })
})
