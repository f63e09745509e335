import type { Results } from './results.ts'
import { keyOf, rowsOf, type Row } from './rows.ts'

/** The earlier runs that were found in a folder. */
export interface History {
  /** Oldest first. */
  readonly runs: readonly Results[]
  /** Names of files that are not results of a known version. */
  readonly unreadable: readonly string[]
}

export const NO_HISTORY: History = { runs: [], unreadable: [] }

/** One figure over time. */
export interface Series {
  readonly key: string
  /** Oldest first; the last point is the current run. */
  readonly points: ReadonlyArray<{ readonly createdAt: string; readonly row: Row }>
}

/** Other hardware is excluded. A new kernel or CRIU is not: it is a change that the history should show. */
const sameMachine = ({ fingerprint: one }: Results, { fingerprint: other }: Results): boolean =>
  one.architecture === other.architecture && one.cpu === other.cpu && one.cpus === other.cpus

/** The figures of this run over earlier runs on the same hardware. Figures without an earlier run are left out. */
export function seriesOf(results: Results, { runs }: History): Series[] {
  const past = runs.filter((run) => sameMachine(run, results) && run.createdAt < results.createdAt)
  const timeline = [...past, results].map((run) => ({
    createdAt: run.createdAt,
    rows: new Map(rowsOf(run).map((row) => [keyOf(row), row])),
  }))
  return rowsOf(results)
    .map(keyOf)
    .map((key) => ({
      key,
      points: timeline.flatMap(({ createdAt, rows }) => {
        const row = rows.get(key)
        return row ? [{ createdAt, row }] : []
      }),
    }))
    .filter(({ points }) => points.length > 1)
}
