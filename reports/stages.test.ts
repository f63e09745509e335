import { describe, expect, test } from 'vitest'
import { recorded } from './recorded.testing.ts'
import type { SampleResults } from './results.ts'
import { dumpStages, medianStart, middleOf, startStages } from './stages.ts'

const ms = (milliseconds: number): string => String(1_000_000_000_000n + BigInt(milliseconds * 1e6))

const sample: SampleResults = {
  points: {
    spawned: ms(0),
    containerStarted: ms(2),
    namespacesStarted: ms(2.25),
    mountsStarted: ms(2.5),
    mountsEnded: ms(3),
    restoreStarted: ms(3.25),
    handlerStarted: ms(8),
    handlerEnded: ms(10),
    containerGone: ms(11),
    commandExecuted: ms(3.75),
  },
  checksum: 'abc',
  stats: { restoreMicroseconds: 3000 },
}
const shown = (given: SampleResults) =>
  startStages(given).map(({ name, from, duration }) => [name, from, duration])

describe('the stages of a start', () => {
  test('follow each other without a gap, from the spawn of the launcher to the end of the container', () => {
    expect(shown(sample)).toEqual([
      ['spawn', 0, 2],
      ['launcher', 2, 0.25],
      ['namespaces', 2.25, 0.25],
      ['mounts', 2.5, 0.5],
      ['host name, guard', 3, 0.25],
      ['exec', 3.25, 0.5],
      ['criu starts, resumes', 3.75, 1.25],
      ['criu restores', 5, 3],
      ['handler', 8, 2],
      ['teardown', 10, 1],
    ])
  })

  test("have CRIU's own stages if its log was kept", () => {
    const logged = { ...sample, stages: { start: 1, memory: 2, resume: 0.5 } }
    expect(shown(logged).slice(5, -2)).toEqual([
      ['exec', 3.25, 1.25],
      ['criu: start', 4.5, 1],
      ['criu: memory', 5.5, 2],
      ['criu: resume', 7.5, 0.5],
    ])
  })

  test('are fewer in results of earlier versions, and for a handler that does not report its start', () => {
    const { spawned, containerStarted, restoreStarted, handlerEnded, containerGone } = sample.points
    const observed = {
      ...sample,
      points: { spawned, containerStarted, restoreStarted, handlerEnded, containerGone },
    }
    expect(shown(observed)).toEqual([
      ['spawn', 0, 2],
      ['lean container', 2, 1.25],
      ['exec', 3.25, 0],
      ['criu, until done', 3.25, 6.75],
      ['teardown', 10, 1],
    ])
  })

  test('of the median run add up to the median cold start', () => {
    for (const suite of recorded.suites) {
      const cold = suite.figures.find(({ phase }) => phase === 'cold start')?.median
      const inside = medianStart(suite).filter(({ part }) => part !== 'outside')
      expect(inside.reduce((sum, { duration }) => sum + duration, 0)).toBeCloseTo(cold ?? 0, 6)
    }
  })
})

test('the stages of a dump follow each other', () => {
  const dump = { total: 5, wall: 7, stats: {}, stages: { start: 1, freeze: 0.5, memory: 3.5 } }
  expect(dumpStages(dump).map(({ name, from, duration }) => [name, from, duration])).toEqual([
    ['start', 0, 1],
    ['freeze', 1, 0.5],
    ['memory', 1.5, 3.5],
  ])
})

const size = (run: number): number => run

test('the middle of an odd number is one run, of an even number two', () => {
  expect(middleOf([3, 1, 2], size)).toEqual([2])
  expect(middleOf([4, 1, 3, 2], size)).toEqual([2, 3])
  expect(middleOf([], size)).toEqual([])
})
