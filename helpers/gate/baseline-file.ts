import { existsSync } from 'node:fs'
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { Results, RESULTS_VERSION, type SuiteResults } from '../../reports/results.ts'
import { CriuBenchError } from '../errors.ts'

/** A baseline is the results of a run under a name. */
export interface Baseline {
  readonly name: string
  readonly results: Results
}

/** Where a baseline lies: a name in the folder of baselines, or the path of any results.json. */
export const baselinePath = (folder: string, nameOrPath: string): string =>
  nameOrPath.endsWith('.json') ? resolve(nameOrPath) : resolve(folder, `${nameOrPath}.json`)

/** Reads a baseline. Throws CriuBenchError where there is none, or it is not one. */
export async function readBaseline(path: string): Promise<Baseline> {
  const failed = `cannot use the baseline ${path}`
  const fix = `save one: VITEST_CRIU_SAVE=${basename(path, '.json')} npx vitest bench`
  if (!existsSync(path)) throw new CriuBenchError({ failed, found: 'no such file', expected: 'the results of an earlier run', fix }) // prettier-ignore
  const content = parsed(await readFile(path, 'utf8'))
  const results = Results.safeParse(content)
  if (results.success) return { name: basename(path, '.json'), results: results.data }
  throw new CriuBenchError({ failed, found: foundIn(content, results.error.issues[0]), expected: `results of version ${RESULTS_VERSION}`, fix }) // prettier-ignore
}

/** Undefined for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function foundIn(content: unknown, issue: { path: PropertyKey[]; message: string } | undefined): string {
  if (typeof content !== 'object' || content === null) return 'a file that is no JSON'
  if ('version' in content && content.version !== RESULTS_VERSION)
    return `results of version ${String(content.version)}`
  return `${issue?.path.map(String).join('.')}: ${issue?.message}`
}

/**
 * Saves results as a baseline, whole or not at all. What had that name goes to `NAME/` beside it, by its date, for the
 * history; one with suites that these results lack is not replaced. Returns the file. Throws CriuBenchError.
 */
export async function saveBaseline(folder: string, name: string, results: Results): Promise<string> {
  const path = baselinePath(folder, name)
  const earlier = existsSync(path) ? await readBaseline(path) : undefined
  if (earlier) refuseToLose(earlier, results)
  await mkdir(dirname(path), { recursive: true })
  // A rename is all or nothing, and other readers of the folder see only what ends in .json.
  const half = `${path}.${process.pid}.half`
  try {
    await writeFile(half, `${JSON.stringify(results, undefined, 1)}\n`)
    if (earlier) await keep(path, join(folder, name), earlier.results.createdAt)
    await rename(half, path)
  } finally {
    await rm(half, { force: true })
  }
  return path
}

async function keep(path: string, history: string, createdAt: string): Promise<void> {
  await mkdir(history, { recursive: true })
  await copyFile(path, join(history, `${createdAt.replaceAll(':', '-')}.json`))
}

/** What makes two suites the same: titles leave out the handler. */
export const keyOf = ({ title, handler }: SuiteResults): string => JSON.stringify([title, handler])

function refuseToLose({ name, results: earlier }: Baseline, results: Results): void {
  const kept = new Set(results.suites.map(keyOf))
  const lost = earlier.suites.filter((suite) => !kept.has(keyOf(suite)))
  if (lost.length === 0) return
  throw new CriuBenchError({
    failed: `cannot save this run as the baseline "${name}"`,
    found: `no results of ${lost.map(({ title, handler }) => `${title} (${handler} handler)`).join(', ')}`,
    expected: 'all that the baseline of that name has',
    fix: `run without -t, or save under another name: VITEST_CRIU_SAVE=${name}-focused`,
  })
}
