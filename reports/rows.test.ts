import { expect, test } from 'vitest'
import { recorded } from './recorded.testing.ts'
import type { FigureResults } from './results.ts'
import { hasFailed, rowsOf, verdictOf, type Row } from './rows.ts'

const row = (phase: string): Row => {
  const rows = rowsOf({ ...recorded, baseline: { name: 'main', createdAt: '' } })
  const own = rows.find(({ figure }) => figure.phase === phase)
  if (!own) throw new Error(`${phase} was not recorded`)
  return own
}

const comparison = (
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

/** A recorded figure with another comparison or another state of its verdict. */
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
  ['cold start', { baseline: comparison('regression') }, 'regression', true],
  ['cold start', { baseline: comparison('improvement') }, 'improvement', false],
  ['cold start', { baseline: comparison('improvement'), state: 'miss' }, 'miss', true],
  // Phases that do not decide cannot fail: the cost may only have moved between phases.
  ['restore', { baseline: comparison('regression') }, 'slower', false],
  ['restore', { baseline: comparison('regression'), state: 'miss' }, 'miss', true],
  ['restore', { baseline: comparison('improvement') }, 'faster', false],
  // A deciding figure that the baseline lacks does not pass.
  ['cold start', {}, 'inconclusive', false],
  ['restore', {}, 'pass', false],
] satisfies Array<[string, Judgement, string, boolean]>)(
  'the verdict of %s with %j is %s',
  (phase, figure, verdict, failed) => {
    expect(verdictOf(judged(phase, figure))).toBe(verdict)
    expect(hasFailed(judged(phase, figure))).toBe(failed)
  },
)

test('only the reference decides if there is no baseline', () => {
  const { baseline: _, ...alone } = row('cold start')
  expect(verdictOf(alone)).toBe('pass')
  expect(
    verdictOf({
      ...alone,
      figure: { ...alone.figure, verdict: { ...alone.figure.verdict, state: 'ungated' } },
    }),
  ).toBe('not gated')
})
