import type { Fingerprint } from '../../reports/results.ts'
import { CriuBenchError } from '../errors.ts'
import { describeBytes } from '../units.ts'
import type { Baseline } from './baseline-file.ts'

/** "same": nothing that decides a figure differs. "similar": the processor is the same. */
export type Match = 'same' | 'similar'

/** Memory that firmware and kernel keep for themselves differs between boots. */
const MEMORY_TOLERANCE = 0.05

/** The versions of CRIU and of this project are not here: they are what is compared. */
const FIELDS: ReadonlyArray<{ name: keyof Fingerprint; match: Match; of: (value: Fingerprint) => string }> = [
  { name: 'architecture', match: 'similar', of: ({ architecture }) => architecture },
  { name: 'cpu', match: 'similar', of: ({ cpu }) => cpu },
  { name: 'cpus', match: 'similar', of: ({ cpus }) => String(cpus) },
  { name: 'kernel', match: 'same', of: ({ kernel }) => kernel },
  { name: 'memory', match: 'same', of: ({ memory }) => describeBytes(memory) },
  { name: 'cgroup', match: 'same', of: ({ cgroup }) => cgroup },
  // Node is the harness, not what is measured: a patch of it moves nothing.
  { name: 'node', match: 'same', of: ({ node }) => node.replace(/\..*$/, '') },
]

export interface Difference {
  /** Of the fingerprint. */
  readonly field: string
  readonly before: string
  readonly now: string
  /** The weakest match that it breaks. */
  readonly breaks: Match
}

/** In what two machines differ, field by field. */
export const differencesOf = (before: Fingerprint, now: Fingerprint): Difference[] =>
  FIELDS.filter(({ name, of }) =>
    name === 'memory' ? Math.abs(now.memory / before.memory - 1) > MEMORY_TOLERANCE : of(before) !== of(now),
  ).map(({ name, match, of }) => ({ field: name, before: of(before), now: of(now), breaks: match }))

/** Refuses a baseline of another machine; returns what differs and was let pass. Throws CriuBenchError. */
export function checkMachine({ name, results }: Baseline, now: Fingerprint, match: Match): Difference[] {
  const differences = differencesOf(results.fingerprint, now)
  const foreign = differences.filter(({ breaks }) => match === 'same' || breaks === 'similar')
  if (foreign.length === 0) return differences
  const list = (side: 'before' | 'now') => foreign.map((each) => `${each.field} ${each[side]}`).join(', ')
  const onlyTolerated = foreign.every(({ breaks }) => breaks === 'same')
  throw new CriuBenchError({
    failed: `cannot hold this run against the baseline "${name}": it is of another machine`,
    found: list('before'),
    expected: list('now'),
    fix: `save one here: VITEST_CRIU_SAVE=${name}-here${onlyTolerated ? '; or VITEST_CRIU_BASELINE_MATCH=similar' : ''}`,
  })
}
