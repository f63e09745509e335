import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { fixture } from '../installation/paths.ts'
import { formatSize, type Bytes, type Milliseconds } from '../units.ts'
import { judgeMedian, type MeasuredFigure, type Verdict } from './verdict.ts'

/** The reference's table. fixtures/reference.json names its source. */
const Reference = z.object({
  filesystem: z.string(),
  strategy: z.string(),
  handler: z.string(),
  sizes: z.array(z.string()),
  phases: z.record(z.string(), z.array(z.number().positive())),
})

const table = Reference.parse(JSON.parse(readFileSync(fixture('reference.json'), 'utf8')))

/** The phases whose sum is the cold start, for which the reference has no row. */
const COLD_START = ['lean container', 'restore', 'execution']

/** What identifies a case in the reference, as in the results of a suite. */
export interface CaseIdentity {
  readonly filesystem: string
  readonly size: Bytes
  readonly strategy: string
  readonly handler: string
}

/**
 * The reference's figure for a phase in ms, or undefined if it has none. The reference was measured with its own
 * handler. Its restore time does not grow with memory, so the strategy `mapped` is the one that must meet it.
 */
export function referenceFor(subject: CaseIdentity, phase: string): Milliseconds | undefined {
  const column = table.sizes.indexOf(formatSize(subject.size))
  const same = (['filesystem', 'strategy', 'handler'] as const).every((axis) => subject[axis] === table[axis])
  if (!same || column === -1) return undefined
  if (phase !== 'cold start') return table.phases[phase]?.[column]
  const parts = COLD_START.map((part) => table.phases[part]?.[column] ?? Number.NaN)
  return parts.reduce((sum, part) => sum + part)
}

/** The verdict on a median by the reference, or undefined if the reference has no figure for it. */
export function judgeByReference(
  subject: CaseIdentity,
  { phase, median }: Pick<MeasuredFigure, 'phase' | 'median'>,
  tolerance: number,
): Verdict | undefined {
  const reference = referenceFor(subject, phase)
  return reference === undefined
    ? undefined
    : judgeMedian(median, { source: 'reference', reference, tolerance })
}
