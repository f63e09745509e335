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

/** The reference has no row for the cold start: it is the sum of these. */
const COLD_START = ['lean container', 'restore', 'execution']

/** The names of a suite's axes, as in its results. */
export interface SuiteAxes {
  readonly filesystem: string
  readonly size: Bytes
  readonly strategy: string
  readonly handler: string
}

/**
 * The reference's figure for a phase in ms; undefined where it has none. The reference was measured with its own handler,
 * and its restore is flat in memory size, so the strategy `mapped` has to meet it.
 */
export function referenceFor(subject: SuiteAxes, phase: string): Milliseconds | undefined {
  const column = table.sizes.indexOf(formatSize(subject.size))
  const same = (['filesystem', 'strategy', 'handler'] as const).every((axis) => subject[axis] === table[axis])
  if (!same || column === -1) return undefined
  if (phase !== 'cold start') return table.phases[phase]?.[column]
  const parts = COLD_START.map((part) => table.phases[part]?.[column] ?? Number.NaN)
  return parts.reduce((sum, part) => sum + part)
}

/** The comparison of a median with the reference; undefined where the reference has no figure for it. */
export function judgeByReference(
  subject: SuiteAxes,
  { phase, median }: Pick<MeasuredFigure, 'phase' | 'median'>,
  tolerance: number,
): Verdict | undefined {
  const reference = referenceFor(subject, phase)
  return reference === undefined
    ? undefined
    : judgeMedian(median, { source: 'reference', reference, tolerance })
}
