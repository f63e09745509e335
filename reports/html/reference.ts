import { comparedRows } from '../compared.ts'
import { formatInterval, formatMilliseconds, formatRatio } from '../format.ts'
import type { Results, SuiteResults } from '../results.ts'
import { leadingSuites } from '../headline.ts'
import { VERDICT_MARKS } from '../marks.ts'
import { bySize, rowsOf, verdictOf, type Row, type Verdict } from '../rows.ts'
import { phasesIn, tablesOf } from '../table.ts'
import { html, type Markup } from './markup.ts'

const BASELINE_NOTE =
  'The row “baseline” has the baseline’s median and the ratio to it, after removing the drift of the machine.'

/** The same tables as in the terminal: first the table of the headline, then the others, folded. */
export function referenceTables(results: Results): Markup {
  const [lead] = leadingSuites(results)
  const tables = tablesOf(results).map(([title, suites]) => ({ title, suites }))
  const first = tables.find(({ suites }) => lead !== undefined && suites.includes(lead)) ?? tables[0]
  if (!first) return html``
  return html`<section id="table">
    <h2>The table</h2>
    <p>
      Each cell has the median in ms of ${samplesIn(results)} samples, its ratio to the figure in the row
      below, and its 95 % confidence interval. ${results.baseline ? BASELINE_NOTE : ''}
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

/** "11", "10 or 11": the number of samples of a figure. */
const samplesIn = ({ suites }: Results): string =>
  [...new Set(suites.flatMap(({ figures }) => figures.map(({ n }) => n)))].join(' or ')

function pivot(title: string, results: Results): Markup {
  const columns = bySize(results.suites)
  const all = rowsOf(results)
  const rows = phasesIn(columns).map((phase) => {
    const measured = columns.map((suite) =>
      all.find((row) => row.suite === suite && row.figure.phase === phase),
    )
    return html`<tr class="measured">
        <th scope="row">${phase}</th>
        ${measured.map((row, index) => medianCell(row, columns[index]?.label))}
      </tr>
      ${comparisons(measured, columns)}`
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

function medianCell(row: Row | undefined, column = ''): Markup {
  if (!row) return html`<td data-column="${column}">–</td>`
  const { baseline: _, ...alone } = row.figure
  const { median, verdict, interval } = alone
  return html`<td data-column="${column}">
    <b>${formatMilliseconds(median)}</b>
    ${ratioWithVerdict(verdict.ratio, verdictOf({ suite: row.suite, figure: alone }))}
    ${interval && html`<small>${formatInterval(interval)}</small>`}
  </td>`
}

/** A ratio with its verdict: a visible mark, and the word for screen readers. */
const ratioWithVerdict = (ratio: number | undefined, verdict: Verdict): Markup =>
  html`<span class="ratio ${verdict.replace(' ', '-')}"
    >${ratio === undefined ? '' : `${formatRatio(ratio)} `}<span aria-hidden="true"
      >${VERDICT_MARKS[verdict]}</span
    ><span class="unseen">${verdict}</span></span
  >`

/** The rows below a phase: the figures that its medians were compared with. */
function comparisons(measured: ReadonlyArray<Row | undefined>, columns: readonly SuiteResults[]): Markup[] {
  return [
    ...comparedRows(measured.map((row) => row?.figure.verdict)).flatMap(({ title, cells }) =>
      comparisonRow(title, cells, columns),
    ),
    ...comparisonRow('baseline', measured.map(baselineCell), columns),
  ]
}

function baselineCell(row: Row | undefined): Markup | undefined {
  if (!row?.figure.baseline) return undefined
  const { median, ratio } = row.figure.baseline
  const verdict = verdictOf({
    ...row,
    figure: { ...row.figure, verdict: { ...row.figure.verdict, state: 'ungated' } },
  })
  return html`${formatMilliseconds(median)} ${ratioWithVerdict(ratio, verdict)}`
}

const comparisonRow = (
  title: string,
  values: ReadonlyArray<string | Markup | undefined>,
  columns: readonly SuiteResults[],
): Markup[] =>
  values.every((value) => value === undefined)
    ? []
    : [
        html`<tr class="compared">
          <th scope="row">${title}</th>
          ${values.map((value, index) => html`<td data-column="${columns[index]?.label}">${value ?? '–'}</td>`)}
        </tr>`,
      ]
