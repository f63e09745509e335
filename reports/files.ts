import { bencherReport } from './bencher.ts'
import { figuresCsv, samplesCsv } from './csv.ts'
import { githubBenchmarkReport } from './github-benchmark.ts'
import type { History } from './history.ts'
import { htmlReport } from './html/page.ts'
import { junitReport } from './junit.ts'
import { markdownReport } from './markdown.ts'
import { resultsText, type Results } from './results.ts'

type Render = (results: Results, history: History) => string

/** File name and renderer of every report. */
export const REPORTS: ReadonlyArray<readonly [string, Render]> = [
  ['results.json', resultsText],
  ['results.md', markdownReport],
  ['results.html', htmlReport],
  ['figures.csv', figuresCsv],
  ['samples.csv', samplesCsv],
  ['junit.xml', junitReport],
  ['bencher.json', bencherReport],
  ['github-benchmark.json', githubBenchmarkReport],
]
