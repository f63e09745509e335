import { formatMegabytes } from '../format.ts'
import { hasShared, MEMORY_ROWS, medianMemory, SHARED_ROW, sharedCell } from '../memory-table.ts'
import type { Results } from '../results.ts'
import { table } from './chart.ts'
import { html, type Markup } from './markup.ts'

/** A table of the page faults and memory of the restored process, with a row for each suite. */
export function memorySection(results: Results): Markup {
  const suites = results.suites.filter(({ samples }) => samples.some(({ memory }) => memory))
  if (suites.length === 0) return html``
  const withShared = hasShared(suites)
  const header = [
    'suite',
    'mapped (MB)',
    'copied (MB)',
    ...(withShared ? [SHARED_ROW] : []),
    ...MEMORY_ROWS.map(([name]) => name),
  ]
  const rows = suites.map((suite) => [
    `${suite.title}, ${suite.handler}${suite.apart === undefined ? '' : `, ${suite.apart}`}`,
    formatMegabytes(suite.mapped),
    formatMegabytes(suite.copied),
    ...(withShared ? [sharedCell(suite)] : []),
    ...MEMORY_ROWS.map((row) => medianMemory(suite, row)),
  ])
  return html`<section id="memory">
    <h2>Faults and memory</h2>
    <p>
      Medians of the restored process at the end of its handler: memory that the restore mapped and copied,
      page faults without I/O (minor) and with I/O (major), resident memory (RSS), resident memory with shared
      pages divided among their users (PSS), memory that the process changed (private dirty), and memory in
      huge pages.
    </p>
    ${table('Faults and memory', header, rows)}
  </section>`
}
