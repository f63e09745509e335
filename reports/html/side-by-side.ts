import type { Results } from '../results.ts'
import { sideBySideCells } from '../side-by-side.ts'
import { table } from './chart.ts'
import { html, type Markup } from './markup.ts'

/** The tables of suites that have no phases. */
export function sideBySideSection({ sideBySide = [] }: Results): Markup {
  if (sideBySide.length === 0) return html``
  return html`<section id="side-by-side">
    <h2>Side by side</h2>
    ${sideBySide.map((each) => {
      const { header, rows } = sideBySideCells(each)
      return html`<h3>${each.title}</h3>
        <p>${each.note}</p>
        ${table(each.title, ['', ...header.slice(1)], rows)}`
    })}
  </section>`
}
