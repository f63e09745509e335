import type { Results, SuiteResults } from './results.ts'
import { againOf, rowsOf, samplesOf, verdictOf, type Row } from './rows.ts'

type Cell = string | number | undefined
type Column<Line> = readonly [name: string, value: (line: Line) => Cell]

/** The columns that tell a suite from the others. Bytes. */
const SUITE: ReadonlyArray<Column<{ readonly suite: SuiteResults }>> = [
  ['filesystem', ({ suite }) => suite.filesystem],
  ['cold', ({ suite }) => (suite.cold ? 'yes' : 'no')],
  ['strategy', ({ suite }) => suite.strategy],
  ['criu', ({ suite }) => suite.criu?.name],
  ['size', ({ suite }) => suite.size],
  ['handler', ({ suite }) => suite.handler],
  ['host', ({ suite }) => suite.hosts?.restored.name],
  ['file', ({ suite }) => suite.file],
  ['project', ({ suite }) => suite.project],
]

const FIGURE: ReadonlyArray<Column<Row>> = [
  ...SUITE,
  ['phase', ({ figure }) => figure.phase],
  ['n', ({ figure }) => figure.n],
  ['median_ms', ({ figure }) => figure.median],
  ['low_ms', ({ figure }) => figure.interval?.[0]],
  ['high_ms', ({ figure }) => figure.interval?.[1]],
  ['mean_ms', ({ figure }) => figure.mean],
  ['min_ms', ({ figure }) => figure.min],
  ['max_ms', ({ figure }) => figure.max],
  ['sd_ms', ({ figure }) => figure.sd],
  ['compared_with', ({ figure }) => figure.verdict.of ?? figure.verdict.source],
  ['compared_ms', ({ figure }) => figure.verdict.reference],
  ['ratio', ({ figure }) => figure.verdict.ratio],
  ['baseline_ms', ({ figure }) => figure.baseline?.median],
  ['to_baseline', ({ figure }) => figure.baseline?.ratio],
  ['verdict', verdictOf],
]

/** figures.csv: a line for each figure. */
export const figuresCsv = (results: Results): string => csv(FIGURE, rowsOf(results))

type Sample = Row & ReturnType<typeof samplesOf>[number] & { readonly number: number; readonly again: string }

const SAMPLE: ReadonlyArray<Column<Sample>> = [
  ...SUITE,
  ['phase', ({ figure }) => figure.phase],
  ['measured_again', ({ again }) => again],
  ['set_up', ({ setUp }) => setUp],
  ['sample', ({ number }) => number],
  ['ms', ({ duration }) => duration],
  ['control_ms', ({ control }) => control],
  ['memory_control_ms', ({ memoryControl }) => memoryControl],
  ['disturbed_by', ({ noise }) => noise.join('; ')],
]

/** samples.csv: a line for each sample of each phase, in the order in which they were taken. */
export const samplesCsv = (results: Results): string => csv(SAMPLE, rowsOf(results).flatMap(samplesIn))

const samplesIn = (row: Row): Sample[] =>
  [
    { again: 'no', samples: samplesOf(row.suite, row.figure.phase) },
    { again: 'yes', samples: samplesOf(againOf(row.suite), row.figure.phase) },
  ].flatMap(({ again, samples }) =>
    samples.map((sample, index) => ({ ...row, ...sample, again, number: index + 1 })),
  )

/** RFC 4180: lines end in CRLF. */
const csv = <Line>(columns: ReadonlyArray<Column<Line>>, lines: readonly Line[]): string =>
  [columns.map(([name]) => name), ...lines.map((line) => columns.map(([, value]) => textOf(value(line))))]
    .map((cells) => `${cells.join(',')}\r\n`)
    .join('')

/** Programs for tables would execute a text such as "=1+1" as a formula, unless a quote precedes it. */
function textOf(cell: Cell): string {
  if (typeof cell !== 'string') return String(cell ?? '')
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
