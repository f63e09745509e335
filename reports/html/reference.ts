import { formatMilliseconds } from '../../helpers/units.ts'
import type { FigureResults, Results } from '../results.ts'
import { leadingSuites } from '../headline.ts'
import { MARKS, rowsOf, verdictOf, type Row } from '../rows.ts'
import { phasesIn, tablesOf } from '../table.ts'
import { html, type Markup } from './markup.ts'

/** The reference's table, one a filesystem and strategy: that of the headline, then the others folded. */
export function referenceTables(results: Results): Markup {
  const [lead] = leadingSuites(results)
  const tables = tablesOf(results).map(([title, suites]) => ({ title, suites }))
  const first = tables.find(({ suites }) => lead !== undefined && suites.includes(lead)) ?? tables[0]
  if (!first) return html``
  return html`<section id="table">
    <h2>The table</h2>
    <p>Median in ms, its ratio to the figure in the row below, and the verdict.</p>
    <h3>${first.title}</h3>
    ${pivot(first.title, { ...results, suites: first.suites })}
    ${tables
      .filter((each) => each !== first)
      .map(
        ({ title, suites }) =>
          html`<details>
            <summary>${title}</summary>
            ${pivot(title, { ...results, suites })}
          </details>`,
      )}
  </section>`
}

function pivot(title: string, results: Results): Markup {
  const columns = results.suites.toSorted((one, other) => one.size - other.size)
  const all = rowsOf(results)
  const rows = phasesIn(columns).map((phase) => {
    const cells = columns.map((suite) => all.find((row) => row.suite === suite && row.figure.phase === phase))
    return html`<tr class="measured">
        <th scope="row">${phase}</th>
        ${cells.map(cell)}
      </tr>
      ${held(cells.map((row) => row?.figure))}`
  })
  return html`<div class="scroll" role="region" aria-label="${title}" tabindex="0">
    <table class="pivot">
      <caption class="unseen">
        ${title}: medians in ms
      </caption>
      <thead>
        <tr>
          <th scope="col">ms</th>
          ${columns.map(({ label }) => html`<th scope="col">${label}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`
}

function cell(row: Row | undefined): Markup {
  if (!row) return html`<td>–</td>`
  const { figure } = row
  const verdict = verdictOf(row)
  const ratio = figure.ratio === undefined ? '' : `${figure.ratio.toFixed(2)}× `
  return html`<td>
    <b>${formatMilliseconds(figure.median)}</b>
    <span class="ratio ${verdict.replace(' ', '-')}"
      >${ratio}<span aria-hidden="true">${MARKS[verdict]}</span><span class="unseen">${verdict}</span></span
    >
  </td>`
}

/** The rows below a phase's: what it was held against. */
function held(figures: ReadonlyArray<FigureResults | undefined>): Markup[] {
  const peer = figures.find((figure) => figure?.against !== undefined)?.against
  const name = peer === undefined ? 'reference' : `on ${peer}`
  // A measured one is rounded as the others are; the reference's own figures stand as they were published.
  const text = (reference: number) => (peer === undefined ? String(reference) : formatMilliseconds(reference))
  return [
    ...heldRow(
      name,
      figures.map((figure) => (figure?.reference === undefined ? undefined : text(figure.reference))),
    ),
    ...heldRow(
      'baseline',
      figures.map(
        (figure) =>
          figure?.baseline &&
          `${formatMilliseconds(figure.baseline.median)} ${figure.baseline.ratio.toFixed(2)}×`,
      ),
    ),
  ]
}

const heldRow = (title: string, values: ReadonlyArray<string | undefined>): Markup[] =>
  values.every((value) => value === undefined)
    ? []
    : [
        html`<tr class="held">
          <th scope="row">${title}</th>
          ${values.map((value) => html`<td>${value ?? '–'}</td>`)}
        </tr>`,
      ]
