import { join, relative, resolve } from 'node:path'
import type { Reporter, TestModule, TestProject, TestRunEndReason, TestSuite, Vitest } from 'vitest/node'
import type { SerializedError } from 'vitest'
import { readHistory } from '../results/read.ts'
import { writeReports, writeResults } from '../results/write.ts'
import { Results, RESULTS_VERSION, type Fingerprint, type SuiteResults } from '../../reports/results.ts'
import { terminalReport } from '../../reports/terminal.ts'
import { failuresOf } from '../../reports/rows.ts'
import { compareResults } from '../gate/baseline.ts'
import { readBaseline, saveBaseline } from '../gate/baseline-file.ts'
import type { Settings } from '../config/options.ts'
import { CriuBenchError, reasonOf } from '../errors.ts'
import { judgeRun } from '../gate/judge.ts'
import { outcomeOf, STATUS } from '../gate/outcome.ts'
import { fingerprint } from '../machine/fingerprint.ts'
import { measureNoise, type Noise } from '../measure/noise.ts'
import { reportToGithub } from './github.ts'
import { selectsNothing, skipReasons } from './selection.ts'

/** Prints the table at the end of a run, and writes the reports to the output folder. */
export class CriuReporter implements Reporter {
  readonly #settings: Settings
  /** The project of the benchmarks. Other projects of the run are not reported. */
  readonly #project: TestProject
  /** Path of the baseline that the run is compared with. */
  readonly #baseline: string | undefined
  #vitest: Vitest | undefined
  #noise: Noise | undefined
  #createdAt = ''
  #fingerprint: Fingerprint | undefined
  /** The suites that have ended so far. */
  #ended: SuiteResults[] = []

  constructor(settings: Settings, project: TestProject, baseline?: string) {
    this.#settings = settings
    this.#project = project
    this.#baseline = baseline
  }

  onInit(vitest: Vitest): void {
    this.#vitest = vitest
  }

  async onTestRunStart(): Promise<void> {
    // In watch mode, one reporter reports many runs.
    this.#createdAt = new Date().toISOString()
    this.#ended = []
    this.#fingerprint = await fingerprint()
    this.#noise = await measureNoise()
  }

  /** Writes the results of every suite that has ended: whatever ends the run, they are not lost. */
  async onTestSuiteResult(suite: TestSuite): Promise<void> {
    const { criu } = suite.meta()
    if (!criu || suite.project !== this.#project) return
    this.#ended.push(criu)
    const results = this.#resultsOf(this.#ended, 'the run has not ended, or was killed')
    try {
      await writeResults(this.#output, results)
    } catch (error) {
      // vitest would wait for ever for a reporter that throws here. The end of the run writes the results again.
      this.#vitest?.logger.error(`${reasonOf(error)}\n`)
    }
  }

  async onTestRunEnd(
    everyModule: readonly TestModule[],
    errors: readonly SerializedError[],
    reason: TestRunEndReason,
  ): Promise<void> {
    const modules = everyModule.filter(({ project }) => project === this.#project)
    const measured = modules.flatMap((module) =>
      [...module.children.allSuites()].flatMap((suite) => suite.meta().criu ?? []),
    )
    for (const skipped of skipReasons(modules)) this.#vitest?.logger.log(skipped)
    const incomplete = whyIncomplete(modules, errors, reason)
    if (measured.length > 0 || incomplete !== undefined) await this.#report(measured, modules, incomplete)
    else this.#checkSelection(modules)
  }

  #resultsOf(suites: readonly SuiteResults[], incomplete?: string): Results {
    return Results.parse({
      version: RESULTS_VERSION,
      createdAt: this.#createdAt,
      fingerprint: this.#fingerprint,
      ...(incomplete !== undefined && { incomplete }),
      options: this.#settings,
      ...(this.#noise && { noise: this.#noise }),
      suites: judgeRun(suites, this.#settings),
    })
  }

  async #report(
    suites: readonly SuiteResults[],
    modules: readonly TestModule[],
    incomplete: string | undefined,
  ): Promise<void> {
    const results = await this.#compared(this.#resultsOf(suites, incomplete))
    this.#vitest?.logger.log(terminalReport(results))
    const { output, baselines } = this.#settings
    const names = await writeReports(this.#output, results, await readHistory(resolve(this.#root, baselines)))
    this.#vitest?.logger.log(`results: ${names.map((name) => join(output, name)).join(', ')}\n`)
    await reportToGithub(results, modules, this.#vitest)
    const outcome = outcomeOf(results)
    const hasFailed = incomplete !== undefined || modules.some((module) => !module.ok())
    // Some figures are judged after their test, so the miss is reported here.
    if (outcome === 'miss' && !hasFailed)
      this.#vitest?.logger.error(`${failuresOf(results, 'miss').join('\n')}\n`)
    // A failed test keeps its own status.
    process.exitCode ||= STATUS[outcome]
    await this.#save(results, outcome === 'miss' || outcome === 'regression' || hasFailed)
  }

  #checkSelection(modules: readonly TestModule[]): void {
    const error = selectsNothing(this.#vitest?.getGlobalTestNamePattern(), modules)
    if (!error) return
    this.#vitest?.logger.error(`\n${error.message}\n`)
    process.exitCode = 1
  }

  async #compared(results: Results): Promise<Results> {
    if (this.#baseline === undefined) return results
    return compareResults(results, await readBaseline(this.#baseline), this.#settings)
  }

  /** Saves the run as a baseline, unless it failed. */
  async #save(results: Results, hasFailed: boolean): Promise<void> {
    const { save, baselines } = this.#settings
    if (save === undefined) return
    if (hasFailed) {
      this.#vitest?.logger.error(`not saved as the baseline ${save}, because this run failed\n`)
      return
    }
    try {
      const path = await saveBaseline(resolve(this.#root, baselines), save, results)
      this.#vitest?.logger.log(`saved as the baseline ${save}: ${relative(this.#root, path)}\n`)
    } catch (error) {
      if (!(error instanceof CriuBenchError)) throw error
      this.#vitest?.logger.error(`${error.message}\n`)
      process.exitCode = 1
    }
  }

  get #output(): string {
    return resolve(this.#root, this.#settings.output)
  }

  get #root(): string {
    return this.#vitest?.config.root ?? '.'
  }
}

/** Why suites may be missing from the results; undefined after a whole run. */
function whyIncomplete(
  modules: readonly TestModule[],
  errors: readonly SerializedError[],
  reason: TestRunEndReason,
): string | undefined {
  if (reason === 'interrupted') return 'the run was interrupted'
  const [error] = [...errors, ...modules.flatMap((module) => module.errors())]
  if (error) return `an error outside of any test ended suites early: ${error.message}`
  const suites = modules.flatMap((module) => [...module.children.allSuites()])
  const failures = suites.flatMap((suite) => {
    const { criu, criuError } = suite.meta()
    if (criuError !== undefined) return [criuError]
    if (criu) return []
    return suite.errors().map(({ message }) => `${suite.name} failed outside of its tests: ${message}`)
  })
  return failures.length === 0 ? undefined : failures.join('; ')
}
