import { join, resolve } from 'node:path'
import type { Reporter, TestModule, TestSuite, Vitest } from 'vitest/node'
import { readHistory } from '../../reports/history.ts'
import { Results, RESULTS_VERSION, type SuiteResults } from '../../reports/results.ts'
import { terminalReport } from '../../reports/terminal.ts'
import type { Settings } from '../config/options.ts'
import { CriuBenchError } from '../errors.ts'
import { fingerprint } from '../system/fingerprint.ts'
import { tellGithub } from './github.ts'
import { asWritten } from './pattern.ts'

/** Earlier results, from the project's root: the history of the HTML page. */
const HISTORY = 'reports/baselines'

/** Writes the reports into the output folder at the end of a run, and its table to the terminal. */
export class CriuReporter implements Reporter {
  readonly #settings: Settings
  #vitest: Vitest | undefined

  constructor(settings: Settings) {
    this.#settings = settings
  }

  onInit(vitest: Vitest): void {
    this.#vitest = vitest
  }

  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    const suites = modules.flatMap((module) => [...module.children.allSuites()])
    const measured = suites.flatMap((suite) => suite.meta().criu ?? [])
    for (const reason of skipReasons(modules)) this.#vitest?.logger.log(`skipped: ${reason}`)
    if (measured.length > 0) await this.#report(measured, modules)
    else this.#failWhenNothingRan(suites, modules)
  }

  async #report(suites: SuiteResults[], modules: readonly TestModule[]): Promise<void> {
    const results = Results.parse({
      version: RESULTS_VERSION,
      createdAt: new Date().toISOString(),
      fingerprint: await fingerprint(),
      options: this.#settings,
      suites,
    })
    this.#vitest?.logger.log(terminalReport(results))
    // Not imported above: what draws the charts takes a fifth of a second to load, which every worker would wait for.
    const { REPORTS, writeReports } = await import('../../reports/files.ts')
    const { output } = this.#settings
    const root = this.#vitest?.config.root ?? '.'
    await writeReports(resolve(root, output), results, await readHistory(resolve(root, HISTORY)))
    this.#vitest?.logger.log(`results: ${REPORTS.map(([name]) => join(output, name)).join(', ')}\n`)
    await tellGithub(results, modules, this.#vitest)
  }

  /** vitest exits 0 when `-t` selects nothing: a gate that measured nothing has not passed. */
  #failWhenNothingRan(suites: readonly TestSuite[], modules: readonly TestModule[]): void {
    const pattern = this.#vitest?.getGlobalTestNamePattern()
    const ran = modules.some((module) =>
      [...module.children.allTests()].some((test) => test.result().state !== 'skipped'),
    )
    if (!pattern || ran) return
    const error = new CriuBenchError({
      failed: `nothing was measured: -t ${asWritten(pattern)} selects no test`,
      found: 'no suite or phase of that name',
      expected: `one of ${titlesOf(suites).join(', ')}; phases: ${phasesOf(suites).join(', ')}`,
      mend: "npx vitest bench -t 'tmpfs 64MB'",
    })
    this.#vitest?.logger.error(`\n${error.message}\n`)
    process.exitCode = 1
  }
}

/** Why tests were skipped while they ran; those that `-t` left out have no reason. */
function skipReasons(modules: readonly TestModule[]): Set<string> {
  const results = modules.flatMap((module) =>
    [...module.children.allTests('skipped')].map((test) => test.result()),
  )
  return new Set(results.flatMap((result) => (result.state === 'skipped' && result.note ? result.note : [])))
}

/** Two files may have suites of the same title. */
const titlesOf = (suites: readonly TestSuite[]): string[] => [...new Set(suites.map(({ name }) => name))]

const phasesOf = (suites: readonly TestSuite[]): string[] => [
  ...new Set(suites.flatMap((suite) => [...suite.children.tests()].map(({ name }) => name))),
]
