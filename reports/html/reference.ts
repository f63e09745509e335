import { comparedRows } from '../compared.ts'
import { formatMilliseconds } from '../format.ts'
import type { Results } from '../results.ts'
import { leadingSuites } from '../headline.ts'
import { MARKS, rowsOf, verdictOf, type Row, type Verdict } from '../rows.ts'
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
    <p>
      Median in ms and its ratio to the figure in the row below; in the baseline’s row its ratio to the
      baseline, without what the machine itself has changed.
    </p>
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
      ${held(cells)}`
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
  const { median, verdict } = row.figure
  const { baseline: _, ...alone } = row.figure
  return html`<td>
    <b>${formatMilliseconds(median)}</b>
    ${judged(verdict.ratio, verdictOf({ suite: row.suite, figure: alone }))}
  </td>`
}

/** A ratio with its verdict: a mark for the eye, a word for the ear. */
const judged = (ratio: number | undefined, verdict: Verdict): Markup =>
  html`<span class="ratio ${verdict.replace(' ', '-')}"
    >${ratio === undefined ? '' : `${ratio.toFixed(2)}× `}<span aria-hidden="true">${MARKS[verdict]}</span
    ><span class="unseen">${verdict}</span></span
  >`

/** The rows below a phase's: what it was compared with. */
function held(cells: ReadonlyArray<Row | undefined>): Markup[] {
  return [
    ...comparedRows(cells.map((row) => row?.figure.verdict)).flatMap(({ title, cells: figures }) =>
      heldRow(title, figures),
    ),
    ...heldRow('baseline', cells.map(againstBaseline)),
  ]
}

function againstBaseline(row: Row | undefined): Markup | undefined {
  if (!row?.figure.baseline) return undefined
  const { median, ratio } = row.figure.baseline
  const verdict = verdictOf({
    ...row,
    figure: { ...row.figure, verdict: { ...row.figure.verdict, state: 'ungated' } },
  })
  return html`${formatMilliseconds(median)} ${judged(ratio, verdict)}`
}

const heldRow = (title: string, values: ReadonlyArray<string | Markup | undefined>): Markup[] =>
  values.every((value) => value === undefined)
    ? []
    : [
        html`<tr class="held">
          <th scope="row">${title}</th>
          ${values.map((value) => html`<td>${value ?? '–'}</td>`)}
        </tr>`,
      ]
