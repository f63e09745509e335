import { comparedFigure } from '../compared.ts'
import { formatInterval, formatMilliseconds, formatRatio } from '../format.ts'
import { VERDICT_MARKS } from '../marks.ts'
import type { Results } from '../results.ts'
import { withCriu } from '../table.ts'
import { rowsOf, sentenceOf, verdictOf, type Row } from '../rows.ts'
import { html, type Markup } from './markup.ts'

/** The filters of the table; script.js applies them. */
const FILTERS: ReadonlyArray<readonly [string, (row: Row) => string]> = [
  ['filesystem', ({ suite }) => suite.filesystem],
  ['strategy', ({ suite }) => withCriu(suite)],
  ['size', ({ suite }) => suite.label],
  ['phase', ({ figure }) => figure.phase],
  ['verdict', verdictOf],
]

interface Column {
  readonly name: string
  readonly text: (row: Row) => string
  /** The sort key; defaults to the text. */
  readonly order?: (row: Row) => number | undefined
}

const ms = (value: number | undefined): string => (value === undefined ? '' : formatMilliseconds(value))

const COLUMNS: readonly Column[] = [
  {
    name: 'filesystem',
    text: ({ suite }) => [suite.filesystem, suite.cold ? 'cold' : '', suite.apart].filter(Boolean).join(' '),
  },
  { name: 'strategy', text: ({ suite }) => withCriu(suite) },
  { name: 'size', text: ({ suite }) => suite.label, order: ({ suite }) => suite.size },
  { name: 'phase', text: ({ figure }) => figure.phase },
  { name: 'median', text: ({ figure }) => ms(figure.median), order: ({ figure }) => figure.median },
  {
    name: '95 % interval',
    text: ({ figure }) => (figure.interval ? formatInterval(figure.interval) : ''),
    order: ({ figure }) => figure.interval?.[0],
  },
  { name: 'min', text: ({ figure }) => ms(figure.min), order: ({ figure }) => figure.min },
  { name: 'max', text: ({ figure }) => ms(figure.max), order: ({ figure }) => figure.max },
  { name: 'n', text: ({ figure }) => String(figure.n), order: ({ figure }) => figure.n },
  {
    name: 'reference',
    text: ({ figure }) => comparedFigure(figure.verdict) ?? '',
    order: ({ figure }) => figure.verdict.reference,
  },
  {
    name: 'ratio',
    text: ({ figure }) => formatRatio(figure.verdict.ratio),
    order: ({ figure }) => figure.verdict.ratio,
  },
]

const BASELINE: readonly Column[] = [
  { name: 'baseline', text: ({ figure }) => ms(figure.baseline?.median), order: ({ figure }) => figure.baseline?.median }, // prettier-ignore
  { name: 'to baseline', text: ({ figure }) => formatRatio(figure.baseline?.ratio), order: ({ figure }) => figure.baseline?.ratio }, // prettier-ignore
  { name: 'machine', text: ({ figure }) => formatRatio(figure.baseline?.machine), order: ({ figure }) => figure.baseline?.machine }, // prettier-ignore
  { name: 'interval', text: ({ figure }) => figure.baseline?.interval.map((end) => end.toFixed(2)).join('–') ?? '', order: ({ figure }) => figure.baseline?.interval[0] }, // prettier-ignore
]

const BASELINE_NOTE =
  ' “To baseline” is the ratio to the baseline, after removing the drift of the machine. “Machine” is that drift: the time that a fixed, unrelated workload takes now, divided by its time in the baseline.'

/** A sortable and filterable table of every figure and its comparisons. */
export function figuresTable(results: Results): Markup {
  const rows = rowsOf(results)
  const hasBaseline = rows.some(({ figure }) => figure.baseline)
  const columns = [...COLUMNS, ...(hasBaseline ? BASELINE : [])]
  const heads = [...columns.map(({ name }) => name), 'verdict']
  return html`<section id="figures">
    <h2>Every figure</h2>
    <p>
      Times are in ms. The interval is that of the median, by bootstrap of the n samples. “Reference” is the
      figure that a median is compared with: of the MITOSIS microbenchmark on tmpfs, of tmpfs in the same run
      on other filesystems, or of a threshold.${hasBaseline ? BASELINE_NOTE : ''}
    </p>
    <form class="filters" hidden>
      ${FILTERS.map(([name, value]) => filter(name, [...new Set(rows.map(value))]))}
      <output id="shown" aria-live="polite">${rows.length} of ${rows.length} figures</output>
    </form>
    <div class="scroll tall" role="region" aria-label="Every figure" tabindex="0">
      <table id="every-figure">
        <caption class="unseen">
          Every figure, in ms
        </caption>
        <thead>
          <tr>
            ${heads.map((name) => html`<th scope="col" class="${name}">${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map((row) => line(row, columns))}
        </tbody>
      </table>
    </div>
  </section>`
}

const filter = (name: string, values: readonly string[]): Markup =>
  html`<label
    >${name}
    <select name="${name}">
      <option value="">all</option>
      ${values.map((value) => html`<option>${value}</option>`)}
    </select></label
  >`

function line(row: Row, columns: readonly Column[]): Markup {
  const verdict = verdictOf(row)
  const data = FILTERS.map(([name, value]) => html` data-${name}="${value(row)}"`)
  const cells = columns.map(({ name, text, order }) =>
    order
      ? html`<td class="number" data-column="${name}" data-order="${order(row)}">${text(row)}</td>`
      : html`<td data-column="${name}">${text(row)}</td>`,
  )
  return html`<tr${data}>${cells}<td class="verdict ${verdict.replace(' ', '-')}" title="${sentenceOf(row)}"><span aria-hidden="true">${VERDICT_MARKS[verdict]}</span> ${verdict}</td></tr>`
}
