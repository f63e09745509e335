import type { RunnerTestSuite } from 'vitest'
import type { SuiteResults } from '../../reports/results.ts'
import { reasonOf } from '../errors.ts'

/** Measures and judges a suite. All phases of the suite give the same function to `bench(phase, run)`. */
export type SuiteRun = () => Promise<SuiteResults>

const outcomes = new WeakMap<object, Promise<SuiteResults>>()
const runs = new WeakSet<object>()

/** Marks a function, so that this plugin's provider runs it instead of tinybench. */
export function defineSuiteRun(run: SuiteRun): SuiteRun {
  runs.add(run)
  return run
}

export const isSuiteRun = (candidate: unknown): candidate is SuiteRun =>
  typeof candidate === 'function' && runs.has(candidate)

/** The results of a suite. The first call runs the suite; later calls return the same results. */
export function resultsOf(run: SuiteRun): Promise<SuiteResults> {
  const known = outcomes.get(run)
  if (known) return known
  const outcome = run()
  outcomes.set(run, outcome)
  return outcome
}

/** Makes a retried test measure the suite again, instead of judging the same samples twice. */
export const forgetResults = (run: SuiteRun): boolean => outcomes.delete(run)

/** Tells the reporter why a suite has no results. */
export function markFailed(suite: Pick<RunnerTestSuite, 'name' | 'meta'>, error: unknown): void {
  suite.meta.criuError = `${suite.name} was not measured: ${reasonOf(error)}`
}
