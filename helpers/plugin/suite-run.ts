import type { SuiteResults } from '../../reports/results.ts'
import type { Milliseconds } from '../units.ts'

/** What one run of a suite gave: every phase's samples from the same iterations, and the record for the reports. */
export interface SuiteRun {
  readonly samples: ReadonlyMap<string, readonly Milliseconds[]>
  readonly record: SuiteResults
}

/** The function that a suite hands to `bench(phase, body)`: shared by all its phases, run once for them all. */
export type Body = () => Promise<SuiteRun>

const runs = new WeakMap<object, Promise<SuiteRun>>()
const bodies = new WeakSet<object>()

/** Marks a function as a body that this plugin's provider runs, and not tinybench. */
export function defineBody(body: Body): Body {
  bodies.add(body)
  return body
}

export const isBody = (candidate: unknown): candidate is Body =>
  typeof candidate === 'function' && bodies.has(candidate)

/** The run of a body: the first phase that asks pays for it, the others get their own samples of it. */
export function runOf(body: Body): Promise<SuiteRun> {
  const known = runs.get(body)
  if (known) return known
  const run = body()
  runs.set(body, run)
  return run
}

/** A retried test measures anew: a verdict never rests on samples that have failed once. */
export const forgetRun = (body: Body): boolean => runs.delete(body)
