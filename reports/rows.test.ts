import { expect, test } from 'vitest'
import { recorded } from './recorded.testing.ts'
import type { FigureResults } from './results.ts'
import { hasFailed, rowsOf, verdictOf, type Row } from './rows.ts'

const row = (phase: string): Row => {
  const rows = rowsOf({ ...recorded, baseline: { name: 'main', createdAt: '' } })
  const own = rows.find(({ figure }) => figure.phase === phase)
  if (!own) throw new Error(`nothing recorded of ${phase}`)
  return own
}

const found = (
  verdict: NonNullable<FigureResults['baseline']>['verdict'],
): NonNullable<FigureResults['baseline']> => ({
  verdict,
  median: 1,
  n: 5,
  ratio: 1.3,
  interval: [1.2, 1.4],
  confidence: 0.95,
  reason: '',
})

/** A recorded figure, compared with a baseline in that way, and with that state of its own verdict. */
function judged(phase: string, { baseline, state }: Judgement): Row {
  const { figure, ...suite } = row(phase)
  const verdict = { ...figure.verdict, ...(state && { state }) }
  return { ...suite, figure: { ...figure, verdict, ...(baseline && { baseline }) } }
}

interface Judgement {
  readonly baseline?: FigureResults['baseline']
  readonly state?: FigureResults['verdict']['state']
}

test.each([
  ['cold start', { baseline: found('regression') }, 'regression', true],
  ['cold start', { baseline: found('improvement') }, 'improvement', false],
  ['cold start', { baseline: found('improvement'), state: 'miss' }, 'miss', true],
  // A part of a start explains: what it cost may have been saved elsewhere.
  ['restore', { baseline: found('regression') }, 'slower', false],
  ['restore', { baseline: found('regression'), state: 'miss' }, 'miss', true],
  ['restore', { baseline: found('improvement') }, 'faster', false],
  // What the baseline lacks has not passed.
  ['cold start', {}, 'inconclusive', false],
  ['restore', {}, 'pass', false],
] satisfies Array<[string, Judgement, string, boolean]>)(
  '%s with %j is: %s',
  (phase, figure, verdict, failed) => {
    expect(verdictOf(judged(phase, figure))).toBe(verdict)
    expect(hasFailed(judged(phase, figure))).toBe(failed)
  },
)

test('without a baseline the reference alone decides', () => {
  const { baseline: _, ...alone } = row('cold start')
  expect(verdictOf(alone)).toBe('pass')
  expect(
    verdictOf({
      ...alone,
      figure: { ...alone.figure, verdict: { ...alone.figure.verdict, state: 'ungated' } },
    }),
  ).toBe('not gated')
})
