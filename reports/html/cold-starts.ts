import { formatInterval, formatMilliseconds, formatRatio } from '../format.ts'
import type { FigureResults, Results, SuiteResults } from '../results.ts'
import { figureOf } from '../rows.ts'
import { columnTitle, withCriu } from '../table.ts'
import { html, type Markup } from './markup.ts'
import { strategiesOf } from './palette.ts'

/** One table of all cold starts: a row for each size, a column for each strategy on each filesystem. */
export function coldStartTable(results: Results): Markup {
  const suites = results.suites.filter((suite) => figureOf(suite, 'cold start'))
  const columns = [...Map.groupBy(inOrder(results, suites), titleOf)]
  const rows = [...Map.groupBy(suites, rowOf)].toSorted(([, [one]], [, [other]]) => (one?.size ?? 0) - (other?.size ?? 0)) // prettier-ignore
  if (suites.length < 2) return html``
  return html`<section id="cold-starts">
    <h2>Cold starts</h2>
    <p>
      Median in ms, with its 95 % confidence interval (bootstrap of the samples) and the number of samples n.
      The fastest of a row is bold; the others have their ratio to it.
    </p>
    <div class="scroll" role="region" aria-label="Cold starts" tabindex="0">
      <table class="cells">
        <caption class="unseen">
          Cold starts in ms
        </caption>
        <thead>
          <tr>
            <th scope="col">size</th>
            ${columns.map(([title]) => html`<th scope="col">${title}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(([title, members]) => line(title, members, columns))}
        </tbody>
      </table>
    </div>
  </section>`
}

/** Filesystems in the order in which they ran; on each, strategies in the order of the charts. */
function inOrder(results: Results, suites: readonly SuiteResults[]): SuiteResults[] {
  const filesystems = [...new Set(suites.map(({ filesystem }) => filesystem))]
  const strategies = strategiesOf(results).map(([strategy]) => strategy)
  const rank = ({ filesystem, strategy }: SuiteResults) =>
    filesystems.indexOf(filesystem) * strategies.length + strategies.indexOf(strategy)
  return suites.toSorted((one, other) => rank(one) - rank(other))
}

const titleOf = (suite: SuiteResults): string =>
  [suite.filesystem, suite.cold ? 'cold' : '', withCriu(suite), suite.hosts ? 'second host' : '', suite.apart]
    .filter(Boolean)
    .join(' ')

/** Handlers without sizes have a row each. */
const rowOf = (suite: SuiteResults): string =>
  suite.label === suite.handler ? suite.handler : `${columnTitle(suite)} ${suite.handler}`

function line(
  title: string,
  members: readonly SuiteResults[],
  columns: ReadonlyArray<readonly [string, SuiteResults[]]>,
): Markup {
  const medians = members.map((suite) => figureOf(suite, 'cold start')?.median ?? Infinity)
  const fastest = Math.min(...medians)
  return html`<tr>
    <th scope="row">${title}</th>
    ${columns.map(([column, suites]) => {
      const suite = suites.find((each) => members.includes(each))
      return cell(column, suite && figureOf(suite, 'cold start'), fastest)
    })}
  </tr>`
}

function cell(column: string, figure: FigureResults | undefined, fastest: number): Markup {
  if (!figure) return html`<td data-column="${column}">–</td>`
  const { median, interval, n } = figure
  const shown = formatMilliseconds(median)
  return html`<td data-column="${column}">
    ${median === fastest ? html`<b>${shown}</b>` : shown}
    ${interval ? html`<small>${formatInterval(interval)}</small>` : undefined}
    <small>n=${n}${median === fastest ? '' : `, ${formatRatio(median / fastest)}`}</small>
  </td>`
}
