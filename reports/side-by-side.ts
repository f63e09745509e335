import { markdownTable } from 'markdown-table'
import { z } from 'zod'

const Value = z.strictObject({
  value: z.number(),
  /** The 95 % interval of a median, or the range of several rounds: the suite says which. */
  interval: z.tuple([z.number(), z.number()]).optional(),
  /** How many samples or rounds it is made from. */
  n: z.int().positive().optional(),
})

/** What a suite compares that has no phases, such as a start of a container by several programs. */
export const SideBySide = z.strictObject({
  /** "start of a container". */
  title: z.string(),
  /** What is below: how it was measured, and what the intervals are. */
  note: z.string(),
  /** Each with the unit of its values: "ms"; empty for ratios. */
  columns: z.array(z.strictObject({ name: z.string(), unit: z.string() })),
  rows: z.array(z.strictObject({ name: z.string(), values: z.array(Value) })),
})
export type SideBySide = z.infer<typeof SideBySide>
export type SideBySideValue = z.infer<typeof Value>

/** Three significant digits, but no decimals from 100 up. */
const format = (value: number): string => (Math.abs(value) < 100 ? value.toPrecision(3) : value.toFixed(0))

const cellOf = ({ value, interval, n }: SideBySideValue): string => {
  const range = interval === undefined ? '' : ` (${interval.map(format).join(' to ')})`
  return `${format(value)}${range}${n === undefined ? '' : `, n ${n}`}`
}

/** Header and rows, as text. */
export const sideBySideCells = ({
  title,
  columns,
  rows,
}: SideBySide): { header: string[]; rows: string[][] } => ({
  header: [title, ...columns.map(({ name, unit }) => (unit === '' ? name : `${name}, ${unit}`))],
  rows: rows.map(({ name, values }) => [name, ...values.map(cellOf)]),
})

/** Every table, with its note, as Markdown. */
export const sideBySideTables = (tables: readonly SideBySide[] = []): string[] =>
  tables.map((each) => {
    const { header, rows } = sideBySideCells(each)
    const table = markdownTable([header, ...rows], { align: ['l', ...each.columns.map(() => 'r' as const)] })
    return `${table}\n\n${each.note}`
  })
