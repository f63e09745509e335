import { markdownTable } from 'markdown-table'
import type { SuiteResults } from './results.ts'

type Account = NonNullable<SuiteResults['samples'][number]['memory']>

const MB = 2 ** 20
const megabytes = (bytes: number): string => (bytes / MB).toFixed(1)

/** The rows: what each says of one sample. */
const ROWS: ReadonlyArray<readonly [string, (account: Account) => number, (median: number) => string]> = [
  ['minor faults', ({ minorFaults }) => minorFaults, String],
  ['major faults', ({ majorFaults }) => majorFaults, String],
  ['RSS (MB)', ({ rss }) => rss, megabytes],
  ['PSS (MB)', ({ pss }) => pss, megabytes],
  ['private dirty (MB)', ({ privateDirty }) => privateDirty, megabytes],
  ['by huge pages (MB)', ({ huge }) => huge, megabytes],
]

/** Faults and memory of the restored process up to the end of its handler: medians; undefined where none were kept. */
export function memoryTable(suites: readonly SuiteResults[]): string | undefined {
  const columns = suites.toSorted((one, other) => one.size - other.size)
  const accounts = columns.map(({ samples }) => samples.flatMap(({ memory }) => memory ?? []))
  if (accounts.every(({ length }) => length === 0)) return undefined
  const rows = ROWS.map(([name, value, format]) => [
    name,
    ...accounts.map((samples) => (samples.length === 0 ? '–' : format(median(samples.map(value))))),
  ])
  const constant = [
    ['mapped (MB)', ...columns.map(({ mapped }) => megabytes(mapped))],
    ['copied (MB)', ...columns.map(({ copied }) => megabytes(copied))],
  ]
  const header = ['restored process', ...columns.map(({ label }) => label)]
  return markdownTable([header, ...constant, ...rows], { align: ['l', ...columns.map(() => 'r')] })
}

/** The lower one of two in the middle: a value that was measured. */
const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor((values.length - 1) / 2)] ?? Number.NaN
