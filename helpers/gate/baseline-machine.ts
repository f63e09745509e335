import type { Fingerprint } from '../../reports/results.ts'
import { CriuBenchError } from '../errors.ts'
import { describeBytes } from '../units.ts'
import type { Baseline } from './baseline-file.ts'

/** "same": nothing that affects a figure differs. "similar": the processor is the same. */
export type Match = 'same' | 'similar'

/** Firmware and kernel reserve a different amount of memory at each boot. */
const MEMORY_TOLERANCE = 0.05

/** The versions of CRIU and of this project are left out: a run is compared with a baseline to see their effect. */
const FIELDS: ReadonlyArray<{ name: keyof Fingerprint; match: Match; of: (value: Fingerprint) => string }> = [
  { name: 'architecture', match: 'similar', of: ({ architecture }) => architecture },
  { name: 'cpu', match: 'similar', of: ({ cpu }) => cpu },
  { name: 'cpus', match: 'similar', of: ({ cpus }) => String(cpus) },
  { name: 'kernel', match: 'same', of: ({ kernel }) => kernel },
  { name: 'memory', match: 'same', of: ({ memory }) => describeBytes(memory) },
  { name: 'cgroup', match: 'same', of: ({ cgroup }) => cgroup },
  // Node only runs the harness, so its minor and patch versions do not affect a figure.
  { name: 'node', match: 'same', of: ({ node }) => node.replace(/\..*$/, '') },
]

export interface Difference {
  /** Name of the field of the fingerprint. */
  readonly field: string
  readonly before: string
  readonly now: string
  /** The weakest match that this difference rules out. */
  readonly breaks: Match
}

/** The fields in which two machines differ. */
const differencesOf = (before: Fingerprint, now: Fingerprint): Difference[] =>
  FIELDS.filter(({ name, of }) =>
    name === 'memory' ? Math.abs(now.memory / before.memory - 1) > MEMORY_TOLERANCE : of(before) !== of(now),
  ).map(({ name, match, of }) => ({ field: name, before: of(before), now: of(now), breaks: match }))

/** Throws CriuBenchError if the baseline is from another machine. Returns the differences that `match` tolerates. */
export function checkMachine({ name, results }: Baseline, now: Fingerprint, match: Match): Difference[] {
  const differences = differencesOf(results.fingerprint, now)
  const foreign = differences.filter(({ breaks }) => match === 'same' || breaks === 'similar')
  if (foreign.length === 0) return differences
  const list = (side: 'before' | 'now') => foreign.map((difference) => `${difference.field} ${difference[side]}`).join(', ') // prettier-ignore
  const onlyTolerated = foreign.every(({ breaks }) => breaks === 'same')
  throw new CriuBenchError({
    failed: `cannot compare this run with the baseline "${name}", which is from another machine`,
    found: `a baseline from a machine with ${list('before')}`,
    expected: `a baseline from this machine, with ${list('now')}`,
    fix: `save a baseline here: VITEST_CRIU_SAVE=${name}-here${onlyTolerated ? '; or accept a similar machine: VITEST_CRIU_BASELINE_MATCH=similar' : ''}`,
  })
}
