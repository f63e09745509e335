import { CriuBenchError, reasonOf } from '../../errors.ts'
import type { Bytes } from '../../units.ts'

/** What became of a program under one strategy. */
export type Outcome =
  | { readonly passed: true; readonly mapped: Bytes }
  | { readonly failed: string }
  | { readonly skipped: string }

/** What became of a program: by strategy, or why it was not restored at all. */
export type Judgement = { readonly skipped: string } | { readonly outcomes: ReadonlyMap<string, Outcome> }

export const outcomeUnder = (judgement: Judgement, strategy: string): Outcome =>
  'skipped' in judgement ? judgement : (judgement.outcomes.get(strategy) ?? { skipped: 'not tried' })

/** "passed", or what happened. */
export const told = (outcome: Outcome): string => {
  if ('passed' in outcome) return 'passed'
  return 'failed' in outcome ? `failed: ${outcome.failed}` : `skipped: ${outcome.skipped}`
}

/** Whether a program passes under one of two strategies, and fails under the other. */
export function differ(judgement: Judgement, one: string, other: string): boolean {
  const outcomes = [one, other].map((strategy) => outcomeUnder(judgement, strategy))
  return outcomes.some((each) => 'passed' in each) && outcomes.some((each) => 'failed' in each)
}

/** An error in one line. What differs from run to run is left out. */
export function summaryOf(error: unknown): string {
  return steadied(error instanceof CriuBenchError ? shortest(error) : reasonOf(error))
}

/** The first error of a program that failed, or else the first thing that was found. */
function shortest({ facts }: CriuBenchError): string {
  const first = facts.log?.split('\n').find((line) => /Error|FAIL/.test(line))
  if (first !== undefined) return first
  return (/ exited with \d+$/.test(facts.found) ? facts.failed : facts.found).split('\n')[0] ?? ''
}

/** A line without times, pids, ports, inodes, sizes and names of files. */
export const steadied = (line: string): string =>
  line
    .replaceAll(/\(\d+\.\d+\) *(pie: )?(\d+: )?/g, '')
    .replaceAll(/\d\d:\d\d:\d\d\.\d+:\s+\d+: |^\d+: (?=Error)/g, '')
    .replaceAll(/^(fd \d+ of|process) \d+( \(\S+\))?: /g, '')
    .replaceAll(/, to port \d+| \/dev\/(ptmx|pts\/\d+)$| \(errno = .*\)$/g, '')
    .replaceAll(/(, deleted), of .*/g, '$1, of more than 1 MB')
    .replaceAll(/\/var\/lib\/vitest-criu\/handler\/[^\s,:]+/g, 'a file')
    .replaceAll(/ids [\d, ]+,/g, 'ids of another user,')
    .replaceAll(/\b(pid|process|tid|ino|thread|pie:|dev) (0x)?[\da-f]+\b/g, '$1 N')
    .replaceAll(/\s+/g, ' ')
    .trim()
