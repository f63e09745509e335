import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { bencherReport } from './bencher.ts'
import { githubBenchmarkReport } from './github-benchmark.ts'
import type { History } from './history.ts'
import { htmlReport } from './html/page.ts'
import { junitReport } from './junit.ts'
import { markdownReport } from './markdown.ts'
import { resultsText, type Results } from './results.ts'
import writeFileAtomic from 'write-file-atomic'

type Render = (results: Results, history: History) => string

/** File name and renderer of every report. */
export const REPORTS: ReadonlyArray<readonly [string, Render]> = [
  ['results.json', resultsText],
  ['results.md', markdownReport],
  ['results.html', htmlReport],
  ['junit.xml', junitReport],
  ['bencher.json', bencherReport],
  ['github-benchmark.json', githubBenchmarkReport],
]

/** Writes every report into a folder, which is created if needed. Existing files are replaced atomically. */
export async function writeReports(folder: string, results: Results, history: History): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const [name, render] of REPORTS) await writeFileAtomic(join(folder, name), render(results, history))
}
