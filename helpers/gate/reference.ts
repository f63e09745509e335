import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { fixture } from '../installation/paths.ts'
import { formatSize, type Bytes, type Milliseconds } from '../units.ts'

/** The reference's table, as in fixtures/reference.json, where its source is told. */
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

/** What is measured: a cell of the matrix. */
export interface Subject {
  readonly filesystem: string
  readonly size: Bytes
  readonly strategy: string
  readonly handler: string
}

/**
 * The reference's figure for a phase in ms; undefined where it has none. It was taken with its own handler; its restore
 * is flat in memory size, so `mapped` is what meets it.
 */
export function referenceFor(subject: Subject, phase: string): Milliseconds | undefined {
  const column = table.sizes.indexOf(formatSize(subject.size))
  const same = (['filesystem', 'strategy', 'handler'] as const).every((axis) => subject[axis] === table[axis])
  if (!same || column === -1) return undefined
  if (phase !== 'cold start') return table.phases[phase]?.[column]
  const parts = COLD_START.map((part) => table.phases[part]?.[column] ?? Number.NaN)
  return parts.reduce((sum, part) => sum + part)
}

/** Whether there is anything to gate a suite by. */
export const hasReference = (subject: Subject): boolean => referenceFor(subject, 'restore') !== undefined
