import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Reporter, TestModule, TestSuite, Vitest } from 'vitest/node'
import { markdownReport } from '../../reports/markdown.ts'
import { Results, RESULTS_VERSION, type SuiteResults } from '../../reports/results.ts'
import { terminalReport } from '../../reports/terminal.ts'
import type { Settings } from '../config/options.ts'
import { CriuBenchError } from '../errors.ts'
import { fingerprint } from '../system/fingerprint.ts'
import { asWritten } from './pattern.ts'

/** Writes results.json and results.md into the output folder at the end of a run, and its table to the terminal. */
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
    if (measured.length > 0) await this.#report(measured)
    else this.#failWhenNothingRan(suites, modules)
  }

  async #report(suites: SuiteResults[]): Promise<void> {
    const results = Results.parse({
      version: RESULTS_VERSION,
      createdAt: new Date().toISOString(),
      fingerprint: await fingerprint(),
      options: this.#settings,
      suites,
    })
    const { output } = this.#settings
    const folder = resolve(this.#vitest?.config.root ?? '.', output)
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'results.json'), `${JSON.stringify(results, undefined, 2)}\n`)
    await writeFile(join(folder, 'results.md'), markdownReport(results))
    this.#vitest?.logger.log(
      `${terminalReport(results)}results: ${join(output, 'results.json')}, ${join(output, 'results.md')}\n`,
    )
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
