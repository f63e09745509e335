import { nameOf, type Row } from '../rows.ts'
import type { SuiteResults } from '../results.ts'

/** Heading of a group of panels: "ceph cold, python handler". */
export const groupTitle = ({ suite }: { readonly suite: SuiteResults }): string =>
  `${suite.filesystem}${suite.cold ? ' cold' : ''}, ${suite.handler} handler${suite.criu ? `, criu ${suite.criu.name}` : ''}${suite.apart === undefined ? '' : `, ${suite.apart}`}`

/** The series of a figure. All strategies share one dump, so a dump does not belong to one of them. */
export const strategyOf = ({ suite, figure }: Row): string =>
  figure.phase === 'dump' ? 'all strategies' : suite.strategy

/** Keeps each shared dump once, in the row of its first strategy. */
export function withoutSharedDumps(rows: readonly Row[]): Row[] {
  const seen = new Map<string, string>()
  return rows.filter((row) => {
    if (row.figure.phase !== 'dump') return true
    const key = JSON.stringify([groupTitle(row), row.suite.size, row.suite.dumps])
    const first = seen.get(key) ?? nameOf(row.suite)
    seen.set(key, first)
    return first === nameOf(row.suite)
  })
}
