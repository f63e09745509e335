import { existsSync } from 'node:fs'
import { copyFile, mkdir } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import type { Results, SuiteResults } from '../../reports/results.ts'
import { CriuBenchError } from '../errors.ts'
import { readResults } from '../results/read.ts'
import { writeTextFile } from '../results/write.ts'

/** The results of an earlier run, stored under a name. */
export interface Baseline {
  readonly name: string
  readonly results: Results
}

/** The path of a baseline: `FOLDER/NAME.json` for a name, or the path of any results.json as it is. */
export const baselinePath = (folder: string, nameOrPath: string): string =>
  nameOrPath.endsWith('.json') ? resolve(nameOrPath) : resolve(folder, `${nameOrPath}.json`)

/** Reads a baseline. Throws CriuBenchError if the file is missing or has no results. */
export async function readBaseline(path: string): Promise<Baseline> {
  const name = basename(path, '.json')
  const results = await readResults(path, {
    failed: `cannot use the baseline ${path}`,
    fix: `save a baseline: VITEST_CRIU_SAVE=${name} npx vitest bench --run`,
  })
  return { name, results }
}

/**
 * Saves results as a baseline, atomically, and returns its path. An existing baseline of that name is copied to
 * `NAME/DATE.json` first, for the history. Throws CriuBenchError if the existing baseline has suites that these results
 * lack.
 */
export async function saveBaseline(folder: string, name: string, results: Results): Promise<string> {
  const path = baselinePath(folder, name)
  const earlier = existsSync(path) ? await readBaseline(path) : undefined
  if (earlier) refuseLostSuites(earlier, results)
  if (earlier) await archive(path, join(folder, name), earlier.results.createdAt)
  await writeTextFile(path, `${JSON.stringify(results, undefined, 1)}\n`)
  return path
}

async function archive(path: string, history: string, createdAt: string): Promise<void> {
  await mkdir(history, { recursive: true })
  await copyFile(path, join(history, `${createdAt.replaceAll(':', '-')}.json`))
}

/** What identifies a suite across runs. The title alone is not enough, because it does not name the handler. */
export type SuiteIdentity = Pick<SuiteResults, 'title' | 'handler' | 'file' | 'project'>

/** The same suite of another run: of the same file and project, if several files have a suite of that name. */
export function sameSuite<T extends SuiteIdentity>(
  suite: SuiteIdentity,
  others: readonly T[],
): T | undefined {
  const alike = others.filter(({ title, handler }) => title === suite.title && handler === suite.handler)
  const same = alike.find(({ file, project }) => file === suite.file && project === suite.project)
  return same ?? (alike.length === 1 ? alike[0] : undefined)
}

/** The suites of `earlier` that `results` lack. */
export function lostSuites(earlier: Results, results: Results): SuiteResults[] {
  const kept = new Set(results.suites.map((suite) => sameSuite(suite, earlier.suites)))
  return earlier.suites.filter((suite) => !kept.has(suite))
}

function refuseLostSuites({ name, results: earlier }: Baseline, results: Results): void {
  const lost = lostSuites(earlier, results)
  if (lost.length === 0) return
  throw new CriuBenchError({
    failed: `cannot save this run as the baseline "${name}"`,
    found: `no results of ${lost.map(({ title, handler }) => `${title} (${handler} handler)`).join(', ')}`,
    expected: `results of every suite that the baseline "${name}" has`,
    fix: `run without -t, or save under another name: VITEST_CRIU_SAVE=${name}-focused`,
  })
}
