import { markdownTable } from 'markdown-table'
import type { SuiteResults } from './results.ts'

type Account = NonNullable<SuiteResults['samples'][number]['memory']>

const MB = 2 ** 20
export const megabytes = (bytes: number): string => (bytes / MB).toFixed(1)

type Row = readonly [string, (account: Account) => number, (median: number) => string]

/** The rows: what each says of one sample. */
export const ACCOUNTS: readonly Row[] = [
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
  if (columns.every(({ samples }) => samples.every(({ memory }) => !memory))) return undefined
  const rows = ACCOUNTS.map((account) => [
    account[0],
    ...columns.map((suite) => medianAccount(suite, account)),
  ])
  const constant = [
    ['mapped (MB)', ...columns.map(({ mapped }) => megabytes(mapped))],
    ['copied (MB)', ...columns.map(({ copied }) => megabytes(copied))],
  ]
  const header = ['restored process', ...columns.map(({ label }) => label)]
  return markdownTable([header, ...constant, ...rows], { align: ['l', ...columns.map(() => 'r')] })
}

/** The median of one row over a suite's samples, as text. */
export function medianAccount({ samples }: SuiteResults, [, value, format]: Row): string {
  const accounts = samples.flatMap(({ memory }) => memory ?? [])
  return accounts.length === 0 ? '–' : format(median(accounts.map(value)))
}

/** The lower one of two in the middle: a value that was measured. */
const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor((values.length - 1) / 2)] ?? Number.NaN
