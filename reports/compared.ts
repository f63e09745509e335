import { formatMilliseconds } from './format.ts'
import type { VerdictResults } from './results.ts'

/** The name of the row that shows what medians were compared with: "reference", "on tmpfs", "of plain", "threshold". */
export function comparedWith({ source, of }: VerdictResults): string {
  if (source === 'tmpfs') return 'on tmpfs'
  if (source === 'threshold') return of === undefined ? 'threshold' : `of ${of}`
  return 'reference'
}

/** Measured figures are rounded. The reference's and a user's own stand as they were written. */
export function comparedFigure(verdict: VerdictResults): string | undefined {
  const { source, of, reference } = verdict
  if (reference === undefined) return undefined
  const isMeasured = source === 'tmpfs' || of !== undefined
  return isMeasured ? formatMilliseconds(reference) : String(reference)
}

/** One row of figures that medians were compared with, for verdicts in the order of the columns. */
export interface ComparedRow {
  readonly title: string
  readonly cells: ReadonlyArray<string | undefined>
}

/** A row for each thing that the verdicts of one phase compare with; none where they compare with nothing. */
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
