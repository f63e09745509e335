import { ACCOUNTS, medianAccount, megabytes } from '../memory-table.ts'
import type { Results } from '../results.ts'
import { table } from './chart.ts'
import { html, type Markup } from './markup.ts'

/** Faults and memory of the restored process, a row a suite. */
export function memorySection(results: Results): Markup {
  const suites = results.suites.filter(({ samples }) => samples.some(({ memory }) => memory))
  if (suites.length === 0) return html``
  const header = ['suite', 'mapped (MB)', 'copied (MB)', ...ACCOUNTS.map(([name]) => name)]
  const rows = suites.map((suite) => [
    `${suite.title}, ${suite.handler}`,
    megabytes(suite.mapped),
    megabytes(suite.copied),
    ...ACCOUNTS.map((account) => medianAccount(suite, account)),
  ])
  return html`<section id="memory">
    <h2>Faults and memory</h2>
    <p>
      Of the restored process up to the end of its handler, medians: what the restore mapped and copied, the
      page faults without and with I/O, and what was resident, shared out (PSS), its own (private dirty) and
      in huge pages.
    </p>
    ${table('Faults and memory', header, rows)}
  </section>`
}
