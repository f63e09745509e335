import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { History } from '../../reports/history.ts'
import { parseResults, RESULTS_VERSION, type Results } from '../../reports/results.ts'
import { z } from 'zod'
import { CriuBenchError } from '../errors.ts'

interface Purpose {
  /** What failed, for the error: "cannot use the baseline main.json". */
  readonly failed: string
  readonly fix: string
}

/** Reads a results.json of this version or an earlier one. Throws CriuBenchError for any other file. */
export async function readResults(file: string, purpose?: Purpose): Promise<Results> {
  try {
    return parseResults(JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    const { failed, fix } = purpose ?? {
      failed: `cannot read the results ${file}`,
      fix: 'write results by a run: npx vitest bench --run',
    }
    const expected = `a results.json of version ${RESULTS_VERSION} or earlier`
    throw new CriuBenchError({ failed, found: foundIn(cause), expected, fix }, { cause })
  }
}

function foundIn(cause: unknown): string {
  if (cause instanceof SyntaxError) return `a file that is not JSON: ${cause.message}`
  if (!(cause instanceof z.ZodError)) return isMissing(cause) ? 'no such file' : String(cause)
  const [issue] = cause.issues
  return `${issue?.path.map(String).join('.') || 'the file'}: ${issue?.message}`
}

const isMissing = (cause: unknown): boolean =>
  cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'

/**
 * Reads all results below a folder, oldest first. A missing folder has none. Files that cannot be read are listed in
 * `unreadable`.
 */
export async function readHistory(folder: string): Promise<History> {
  const runs: Results[] = []
  const unreadable: string[] = []
  const files = await readdir(folder, { recursive: true }).catch(() => [])
  for (const file of files.filter((name) => name.endsWith('.json'))) {
    const read = await readResults(join(folder, file)).catch(() => undefined)
    if (read) runs.push(read)
    else unreadable.push(file)
  }
  // The same run may be stored under several names.
  const unique = new Map(runs.map((run) => [run.createdAt, run]))
  return { runs: [...unique.values()].toSorted(byTime), unreadable: unreadable.toSorted() }
}

const byTime = (one: Results, other: Results): number => one.createdAt.localeCompare(other.createdAt)
