import { markdownTable } from 'markdown-table'
import { formatMegabytes } from './format.ts'
import type { SuiteResults } from './results.ts'
import { bySize } from './rows.ts'
import { columnTitle } from './table.ts'

type Memory = NonNullable<SuiteResults['samples'][number]['memory']>

type MemoryRow = readonly [string, (memory: Memory) => number, (median: number) => string]

/** Each row: its title, its value for one sample, and the format of the median. */
export const MEMORY_ROWS: readonly MemoryRow[] = [
  ['minor faults', ({ minorFaults }) => minorFaults, String],
  ['major faults', ({ majorFaults }) => majorFaults, String],
  ['RSS (MB)', ({ rss }) => rss, formatMegabytes],
  ['PSS (MB)', ({ pss }) => pss, formatMegabytes],
  ['private dirty (MB)', ({ privateDirty }) => privateDirty, formatMegabytes],
  ['in huge pages (MB)', ({ huge }) => huge, formatMegabytes],
]

/**
 * Medians of the page faults and memory of the restored process, up to the end of its handler. Undefined if the suites
 * did not record them.
 */
export function memoryTable(suites: readonly SuiteResults[]): string | undefined {
  const columns = bySize(suites)
  if (columns.every(({ samples }) => samples.every(({ memory }) => !memory))) return undefined
  const rows = MEMORY_ROWS.map((row) => [row[0], ...columns.map((suite) => medianMemory(suite, row))])
  const constant = [
    ['mapped (MB)', ...columns.map(({ mapped }) => formatMegabytes(mapped))],
    ['copied (MB)', ...columns.map(({ copied }) => formatMegabytes(copied))],
    ...(hasShared(columns) ? [[SHARED_ROW, ...columns.map(sharedCell)]] : []),
  ]
  const header = ['restored process', ...columns.map(columnTitle)]
  return markdownTable([header, ...constant, ...rows], { align: ['l', ...columns.map(() => 'r')] })
}

/** Memory that processes share is copied at every start, whatever the strategy: `mapped` is not flat in it. */
export const SHARED_ROW = 'of it shared (MB)'
export const hasShared = (suites: readonly SuiteResults[]): boolean => suites.some(({ shared }) => shared)
export const sharedCell = ({ shared = 0 }: SuiteResults): string => formatMegabytes(shared)

/** The median of one row over a suite's samples, as text. */
export function medianMemory({ samples }: SuiteResults, [, value, format]: MemoryRow): string {
  const values = samples.flatMap(({ memory }) => (memory ? value(memory) : []))
  return values.length === 0 ? '–' : format(lowerMedian(values))
}

/** The lower of two middle values, so that a count stays a whole number. */
const lowerMedian = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor((values.length - 1) / 2)] ?? Number.NaN
