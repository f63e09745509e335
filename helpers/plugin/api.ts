/**
 * The functions of the public API, without what they need: vitest.config.ts imports this package as well, and every run
 * of a user's unit tests would wait for 200 modules. The set-up file of a benchmark brings the suites.
 */
import { CriuBenchError } from '../errors.ts'
import type { HandlerName } from '../config/names.ts'
import type { Thresholds } from '../gate/thresholds.ts'
import type { Handler } from '../handlers/definition.ts'
import type { BenchmarkCase, CaseGroup } from '../matrix/benchmark-case.ts'
import type { CaseMatrix } from '../matrix/case-matrix.ts'
import type { PhaseName } from '../../reports/timeline.ts'
import type { CheckpointOptions, DumpedProcess } from './checkpoint-of.ts'
import type { RestoreSuiteOptions } from './restore-suite.ts'
import type { SuiteRun } from './suite-run.ts'

/** What a benchmark declares suites with. */
export interface Suites {
  restoreSuite(options?: RestoreSuiteOptions): void
  matrix(matrix?: CaseMatrix): CaseGroup[]
  checkpointed(benchmarkCase: BenchmarkCase, group?: CaseGroup, thresholds?: Thresholds): SuiteRun
  phasesOf(benchmarkCase: BenchmarkCase): PhaseName[]
}

let suites: Suites | undefined

/** Called by the set-up file, before any file of benchmarks. */
export const provideSuites = (provided: Suites): void => void (suites = provided)

/** Throws CriuBenchError where no set-up file has run. */
function suitesFor(caller: string): Suites {
  if (suites) return suites
  throw new CriuBenchError({
    failed: `cannot use ${caller}() in this file`,
    found: 'a unit test, or a project without the plugin',
    expected:
      'a file that benchmark.include matches, run by vitest bench, and plugins: [criu()] in vitest.config.ts',
    fix: "name the file *.bench.ts, run npx vitest bench, and add the plugin to vitest.config.ts: import { criu } from 'vitest-criu', then plugins: [criu()]",
  })
}

/**
 * Declares one suite for each filesystem, size and strategy, with one test for each phase. Missing axes come from the
 * plugin's options. Call it at the top level of a file, or in a `describe`. Throws CriuBenchError for a threshold of a
 * phase, strategy or CRIU that the suite does not measure.
 */
export const restoreSuite: Suites['restoreSuite'] = (options) => suitesFor('restoreSuite').restoreSuite(options) // prettier-ignore

/** The cases of a matrix, in groups that are measured in turn, for suites with custom assertions. */
export const matrix: Suites['matrix'] = (axes) => suitesFor('matrix').matrix(axes)

/**
 * Gives the enclosing `describe(benchmarkCase.title, …)` its checkpoint. The checkpoint is mounted, dumped and copied
 * before the first test of the group that `-t` selects, and removed after the last. If `-t` selects none, nothing
 * happens. Returns the function for `bench(phase, run)`, which measures all phases at once. The cases of a group are
 * measured in turn, so that their figures can be compared.
 */
export const checkpointed: Suites['checkpointed'] = (...args) => suitesFor('checkpointed').checkpointed(...args) // prettier-ignore

/** The phases that a suite measures, in the order of its tests. */
export const phasesOf: Suites['phasesOf'] = (benchmarkCase) => suitesFor('phasesOf').phasesOf(benchmarkCase) // prettier-ignore

/**
 * Starts a handler and dumps it: `await using checkpoint = await checkpointOf(hello)`. Then call
 * `await checkpoint.restore()`. Works in unit tests as well. Throws CriuBenchError.
 */
export async function checkpointOf(
  of: Handler | HandlerName,
  options: CheckpointOptions = {},
): Promise<DumpedProcess> {
  const module = await import('./checkpoint-of.ts')
  return module.checkpointOf(of, options)
}
