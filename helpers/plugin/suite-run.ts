import type { SuiteResults } from '../../reports/results.ts'

/** Measures and judges a suite: the function that a suite gives to `bench(phase, run)`, shared by its phases. */
export type SuiteRun = () => Promise<SuiteResults>

const outcomes = new WeakMap<object, Promise<SuiteResults>>()
const runs = new WeakSet<object>()

/** Marks a function as one that this plugin's provider runs, and not tinybench. */
export function defineSuiteRun(run: SuiteRun): SuiteRun {
  runs.add(run)
  return run
}

export const isSuiteRun = (candidate: unknown): candidate is SuiteRun =>
  typeof candidate === 'function' && runs.has(candidate)

/** The results of a suite. The first phase that asks runs it, and the others share the same samples. */
export function resultsOf(run: SuiteRun): Promise<SuiteResults> {
  const known = outcomes.get(run)
  if (known) return known
  const outcome = run()
  outcomes.set(run, outcome)
  return outcome
}

/** Makes a retried test measure anew: a verdict never rests on samples that have failed once. */
export const forgetResults = (run: SuiteRun): boolean => outcomes.delete(run)
