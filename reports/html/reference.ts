import { formatMilliseconds } from '../../helpers/units.ts'
import type { FigureResults, Results, SuiteResults } from '../results.ts'
import { leadingSuites } from '../headline.ts'
import { MARKS, verdictOf } from '../rows.ts'
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
    ${pivot(first.title, first.suites)}
    ${tables
      .filter((each) => each !== first)
      .map(
        ({ title, suites }) =>
          html`<details>
            <summary>${title}</summary>
            ${pivot(title, suites)}
          </details>`,
      )}
  </section>`
}

function pivot(title: string, suites: readonly SuiteResults[]): Markup {
  const columns = suites.toSorted((one, other) => one.size - other.size)
  const rows = phasesIn(suites).map((phase) => {
    const figures = columns.map((suite) => suite.figures.find((figure) => figure.phase === phase))
    return html`<tr class="measured">
        <th scope="row">${phase}</th>
        ${figures.map(cell)}
      </tr>
      ${held(figures)}`
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

function cell(figure: FigureResults | undefined): Markup {
  if (!figure) return html`<td>–</td>`
  const verdict = verdictOf(figure)
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
