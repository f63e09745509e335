import { join, relative, resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Reporter, TestModule, TestProject, TestRunEndReason, TestSuite, Vitest } from 'vitest/node'
import type { SerializedError } from 'vitest'
import { readHistory } from '../results/read.ts'
import { writeReports, writeResults } from '../results/write.ts'
import { Results, RESULTS_VERSION, type Fingerprint } from '../../reports/results.ts'
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
import { endedSuites, type EndedSuite } from './ended-suites.ts'
import { sideBySideOf } from './side-by-side.ts'
import { selectsNothing, skipReasons } from './selection.ts'

/** A project of benchmarks. */
export interface Member {
  readonly project: TestProject
  /** As the user calls it. Empty for the only project. */
  readonly name: string
  /** Among the projects of the run. */
  readonly position: number
  readonly settings: Settings
}

/** Prints the table at the end of a run, and writes the reports to the output folder. */
export class CriuReporter implements Reporter {
  /** The projects of benchmarks that share the output folder, at least one. Other projects of the run are not reported. */
  readonly #members: Member[]
  /** The settings of the first one. All have the same as far as a run has them once: output and baseline. */
  readonly #settings: Settings
  /** Path of the baseline that the run is compared with. */
  readonly #baseline: string | undefined
  #vitest: Vitest | undefined
  #noise: Noise | undefined
  #createdAt = ''
  #fingerprint: Fingerprint | undefined
  /** The suites that have ended so far. */
  #ended: TestSuite[] = []

  constructor(member: Member, baseline?: string) {
    this.#members = [member]
    this.#settings = member.settings
    this.#baseline = baseline
  }

  /** Whether a project writes to the same folder. */
  readonly isOf = ({ settings }: Member): boolean => settings.output === this.#settings.output

  /** Throws CriuBenchError if the results of both cannot be in one file. */
  add(member: Member): void {
    const different = ONCE.find((name) => member.settings[name] !== this.#settings[name])
    if (different !== undefined) throw cannotShare(different, [member, ...this.#members])
    this.#members.push(member)
    this.#members.sort((one, other) => one.position - other.position)
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
    if (!suite.meta().criu || !this.#has(suite)) return
    this.#ended.push(suite)
    const results = this.#resultsOf(endedSuites(this.#ended), 'the run has not ended, or was killed')
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
    const modules = everyModule.filter((module) => this.#has(module))
    const measured = endedSuites(modules.flatMap((module) => [...module.children.allSuites()]))
    for (const skipped of skipReasons(modules)) this.#vitest?.logger.log(skipped)
    const incomplete = whyIncomplete(modules, errors, reason)
    const hasResults = measured.length > 0 || sideBySideOf(modules).length > 0
    if (hasResults || incomplete !== undefined) await this.#report(measured, modules, incomplete)
    else this.#checkSelection(modules)
  }

  readonly #has = ({ project }: { readonly project: TestProject }): boolean =>
    this.#members.some((member) => member.project === project)

  #resultsOf(measured: readonly EndedSuite[], incomplete?: string): Results {
    return Results.parse({
      version: RESULTS_VERSION,
      createdAt: this.#createdAt,
      fingerprint: this.#fingerprint,
      ...(incomplete !== undefined && { incomplete }),
      ...optionsOf(this.#members),
      ...(this.#noise && { noise: this.#noise }),
      suites: this.#members.flatMap(
        ({ project, settings }) =>
        judgeRun(measured.flatMap(({ suite, results }) => (suite.project === project ? results : [])), settings), // prettier-ignore
      ),
    })
  }

  async #report(
    measured: readonly EndedSuite[],
    modules: readonly TestModule[],
    incomplete: string | undefined,
  ): Promise<void> {
    const sideBySide = sideBySideOf(modules)
    const results = await this.#compared({
      ...this.#resultsOf(measured, incomplete),
      ...(sideBySide.length > 0 && { sideBySide }),
    })
    this.#vitest?.logger.log(terminalReport(results, terminalWidth()))
    const { output, baselines } = this.#settings
    const names = await writeReports(this.#output, results, await readHistory(resolve(this.#root, baselines)))
    this.#vitest?.logger.log(`results: ${names.map((name) => join(output, name)).join(', ')}\n`)
    await reportToGithub(results, measured, this.#vitest)
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

/** Columns of the terminal. A file or a pipe has no limit, unless the variable COLUMNS says one. */
const terminalWidth = (): number | undefined =>
  (process.stdout.isTTY ? process.stdout.columns : Number(process.env['COLUMNS'])) || undefined

/** The options that a run has once, whatever projects it has. */
const ONCE = ['baseline', 'save', 'baselines', 'baselineMatch', 'band', 'floor', 'spread'] as const

const cannotShare = (option: string, members: readonly Member[]): CriuBenchError =>
  new CriuBenchError({
    failed: `cannot report these projects together: ${members
      .map(({ name }) => name)
      .toSorted()
      .join(', ')}`,
    found: `the same option output, and different values of ${option}`,
    expected: 'one baseline for each folder of results',
    fix: "give each an output of its own: criu({ output: 'reports/out/NAME' })",
  })

/** The options of a run: of its project, or what its projects share, and those of each. */
function optionsOf(members: readonly Member[]): Pick<Results, 'options' | 'projects'> {
  const [first, ...others] = members.map(({ settings }) => settings)
  if (!first || others.length === 0) return { options: { ...first } }
  const isShared = ([name, value]: [string, unknown]) =>
    others.every((other) =>
      isDeepStrictEqual(Object.entries(other).find(([key]) => key === name)?.[1], value),
    )
  return {
    options: Object.fromEntries(Object.entries(first).filter(isShared)),
    projects: members.map(({ name, settings }) => ({ name, options: settings })),
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
