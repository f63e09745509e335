import type { Results } from './results.ts'
import { hasFailed, nameOf, rowsOf, sentenceOf, verdictOf, type Row } from './rows.ts'

/** Where the test of a figure stands; undefined where that is not known. */
export type Whereabouts = (
  row: Row,
) => { readonly file: string; readonly line?: number | undefined } | undefined

/**
 * A line a failing figure, in the workflow commands that GitHub makes annotations of: at its test where that is known,
 * else at the run. `isWanted` leaves out what others point at.
 */
export const annotations = (
  results: Results,
  whereabouts: Whereabouts = () => undefined,
  isWanted: (row: Row) => boolean = () => true,
): string[] =>
  rowsOf(results)
    .filter((row) => hasFailed(row) && isWanted(row))
    .map((row) => annotation(row, whereabouts(row)))

function annotation(row: Row, place: ReturnType<Whereabouts>): string {
  const title = `${verdictOf(row)}: ${nameOf(row.suite)} > ${row.figure.phase}`
  const properties = Object.entries({ file: place?.file, line: place?.line, title })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${escaped(String(value)).replaceAll(':', '%3A').replaceAll(',', '%2C')}`)
  return `::error ${properties.join(',')}::${escaped(sentenceOf(row))}`
}

/** As GitHub's own toolkit writes them: a command is one line. */
const escaped = (text: string): string =>
  text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
