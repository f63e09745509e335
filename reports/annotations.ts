import type { Results } from './results.ts'
import { oneLine } from './text.ts'
import { hasFailed, nameOf, rowsOf, sentenceOf, verdictOf, type Row } from './rows.ts'

/** The source location of the test of a row; undefined if it is unknown. */
export type LocateTest = (
  row: Row,
) => { readonly file: string; readonly line?: number | undefined } | undefined

/**
 * GitHub workflow commands, one line for each failed row. GitHub shows each as an annotation at the location that
 * `locate` returns, or else at the run. `isWanted` excludes rows that already have an annotation.
 */
export const annotations = (
  results: Results,
  locate: LocateTest = () => undefined,
  isWanted: (row: Row) => boolean = () => true,
): string[] =>
  rowsOf(results)
    .filter((row) => hasFailed(row) && isWanted(row))
    .map((row) => annotation(row, locate(row)))

function annotation(row: Row, location: ReturnType<LocateTest>): string {
  const title = `${verdictOf(row)}: ${nameOf(row.suite)} > ${row.figure.phase}`
  const properties = Object.entries({ file: location?.file, line: location?.line, title })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${escaped(String(value)).replaceAll(':', '%3A').replaceAll(',', '%2C')}`)
  return `::error ${properties.join(',')}::${escaped(sentenceOf(row))}`
}

/** The escapes of GitHub's toolkit: a command must be one line. */
const escaped = (text: string): string => oneLine(text).replaceAll('%', '%25')
