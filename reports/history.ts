import type { Results } from './results.ts'
import { keyOf, rowsOf, type Row } from './rows.ts'

/** Earlier runs, and the files that could not be read as such. */
export interface History {
  /** Oldest first. */
  readonly runs: readonly Results[]
  readonly unreadable: readonly string[]
}

export const NO_HISTORY: History = { runs: [], unreadable: [] }

/** One figure over time. */
export interface Series {
  readonly key: string
  /** Oldest first; the last is this run's. */
  readonly points: ReadonlyArray<{ readonly createdAt: string; readonly row: Row }>
}

/** Figures of other hardware are another series. A new kernel or CRIU is a change that the history shows. */
const sameMachine = ({ fingerprint: one }: Results, { fingerprint: other }: Results): boolean =>
  one.architecture === other.architecture && one.cpu === other.cpu && one.cpus === other.cpus

/** This run's figures over the earlier runs of the same machine. Figures without an earlier run are left out. */
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
