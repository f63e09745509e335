import { formatMilliseconds } from './format.ts'
import type { VerdictResults } from './results.ts'

/** Title of the row with the figures to compare with: "reference", "on tmpfs", "of plain", "threshold". */
function comparedWith({ source, of }: VerdictResults): string {
  if (source === 'tmpfs') return 'on tmpfs'
  if (source === 'threshold') return of === undefined ? 'threshold' : `of ${of}`
  return 'reference'
}

/** The figure that a median was compared with. Measured figures are rounded; published and configured ones are not. */
export function comparedFigure(verdict: VerdictResults): string | undefined {
  const { source, of, reference } = verdict
  if (reference === undefined) return undefined
  const isMeasured = source === 'tmpfs' || of !== undefined
  return isMeasured ? formatMilliseconds(reference) : String(reference)
}

/** A table row of the figures to compare with. */
export interface ComparedRow {
  readonly title: string
  /** One cell for each column of the table. */
  readonly cells: ReadonlyArray<string | undefined>
}

/** One row for each kind of comparison among the verdicts of a phase, which are in column order. */
export function comparedRows(verdicts: ReadonlyArray<VerdictResults | undefined>): ComparedRow[] {
  const compared = verdicts.filter((verdict) => verdict?.reference !== undefined)
  const titles = [...new Set(compared.flatMap((verdict) => (verdict ? comparedWith(verdict) : [])))]
  return titles.map((title) => ({
    title,
    cells: verdicts.map((verdict) =>
      verdict && comparedWith(verdict) === title ? comparedFigure(verdict) : undefined,
    ),
  }))
}
