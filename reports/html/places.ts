import { nameOf, type Row } from '../rows.ts'
import type { SuiteResults } from '../results.ts'

/** What the panels of a chart have in common: "ceph cold, python handler". */
export const placeOf = ({ suite }: { readonly suite: SuiteResults }): string =>
  `${suite.filesystem}${suite.cold ? ' cold' : ''}, ${suite.handler} handler`

/** One dump serves all strategies of a place and size: it is none's own. */
export const strategyOf = ({ suite, figure }: Row): string =>
  figure.phase === 'dump' ? 'all strategies' : suite.strategy

/** Rows without the dumps that another strategy's row has already. */
export function withoutCopies(rows: readonly Row[]): Row[] {
  const seen = new Map<string, string>()
  return rows.filter((row) => {
    if (row.figure.phase !== 'dump') return true
    const key = JSON.stringify([placeOf(row), row.suite.size, row.suite.dumps])
    const first = seen.get(key) ?? nameOf(row.suite)
    seen.set(key, first)
    return first === nameOf(row.suite)
  })
}
