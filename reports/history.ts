import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CriuBenchError } from '../helpers/errors.ts'
import { Results } from './results.ts'
import { keyOf, rowsOf, type Row } from './rows.ts'

/** Earlier runs, and which files of the folder were none that can be read. */
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

/** Reads a results.json. Throws CriuBenchError when there is none, or none of this version. */
export async function readResults(file: string): Promise<Results> {
  try {
    return Results.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    throw new CriuBenchError(
      {
        failed: `cannot read the results ${file}`,
        found: cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause),
        expected: 'a results.json that this version of vitest-criu wrote',
        fix: 'npx vitest bench --run',
      },
      { cause },
    )
  }
}

/** All results below a folder; none where there is no such folder. One that cannot be read is named, and takes none of the others along. */
export async function readHistory(folder: string): Promise<History> {
  const runs: Results[] = []
  const unreadable: string[] = []
  const files = await readdir(folder, { recursive: true }).catch(() => [])
  for (const file of files.filter((name) => name.endsWith('.json'))) {
    const read = await readResults(join(folder, file)).catch(() => undefined)
    if (read) runs.push(read)
    else unreadable.push(file)
  }
  // A run may have been kept under several names.
  const unique = new Map(runs.map((run) => [run.createdAt, run]))
  return { runs: [...unique.values()].toSorted(byTime), unreadable: unreadable.toSorted() }
}

const byTime = (one: Results, other: Results): number => one.createdAt.localeCompare(other.createdAt)

/** Figures of other hardware are another series; a new kernel or CRIU is a change that a history is to show. */
const sameMachine = ({ fingerprint: one }: Results, { fingerprint: other }: Results): boolean =>
  one.architecture === other.architecture && one.cpu === other.cpu && one.cpus === other.cpus

/** This run's figures with what earlier runs of the same machine had for them; those without a past are left out. */
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
