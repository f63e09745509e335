import { markdownTable } from 'markdown-table'

/** Medians of a file's cases in ms, by row and column, to compare at its end. */
export class MedianTable {
  readonly #rows = new Map<string, Map<string, number>>()

  set(row: string, column: string, median: number): void {
    const columns = this.#rows.get(row) ?? new Map<string, number>()
    this.#rows.set(row, columns.set(column, median))
  }

  /** The rows that have all of these columns, with their names: the others were not measured whole in this run. */
  whole(columns: readonly string[]): Array<[string, ReadonlyMap<string, number>]> {
    return [...this.#rows].filter(([, row]) => columns.every((column) => row.has(column)))
  }
}

/** Prints a table of figures, of which the first column has the names. */
export const printTable = (header: readonly string[], rows: ReadonlyArray<readonly string[]>): void =>
  console.log(
    markdownTable(
      [header, ...rows].map((row) => [...row]),
      {
        align: ['l', ...header.slice(1).map(() => 'r' as const)],
      },
    ),
  )
