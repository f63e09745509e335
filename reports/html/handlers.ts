import { axisX, axisY, dot, text, type PlotOptions } from '@observablehq/plot'
import { formatMilliseconds } from '../format.ts'
import type { Results, SuiteResults } from '../results.ts'
import { figureOf } from '../rows.ts'
import { chart, foldedTable, legend, logTicks, panel } from './chart.ts'
import { html, type Markup } from './markup.ts'
import { scaleOf, strategiesOf } from './palette.ts'

const FROM_SCRATCH = 'plain'
const WARM = 'warm call'
const WARM_COLOUR = 'var(--reference)'

/** A handler with the medians of its cold starts by strategy, and of its warm calls, in ms. */
interface HandlerRow {
  readonly name: string
  readonly medians: ReadonlyMap<string, number>
  /** How many times as fast as from scratch it starts. */
  readonly lead: number
}

/** Starts of several handlers: from scratch, and by each strategy. Only of a run that has both. */
export function handlersChart(results: Results): Markup {
  const strategies = strategiesOf(results).map(([strategy]) => strategy)
  const best = strategies.find((strategy) => strategy !== FROM_SCRATCH)
  const rows = best === undefined ? [] : rowsOf(results.suites, best)
  if (best === undefined || rows.length < 2) return html``
  const columns = [...strategies.toReversed().toSorted(fromScratchFirst), WARM]
  const cells = ({ name, medians, lead }: HandlerRow): string[] => {
    const figures = columns.map((column) => shown(medians.get(column)))
    return [name, ...figures.slice(0, -1), formatLead(lead), ...figures.slice(-1)]
  }
  const ratio = `${FROM_SCRATCH} / ${best}`
  return html`<section id="handlers">
    <h2>From scratch and from a checkpoint</h2>
    <p>
      Cold starts up to the first answer, and a warm call: the second call of a process that was started from
      scratch. Medians in ms, on a log axis. Warm calls that are ${DEPTH} times as fast as the fastest start,
      or more, are at the left edge; the table has their times. On the right: how many times as fast as from
      scratch ${best} starts.
    </p>
    ${legend([...strategiesOf(results), [WARM, WARM_COLOUR]])}
    ${panel(`Cold starts, and ${ratio}`, dots(results, rows))}
    ${foldedTable('The starts as a table', ['handler', ...columns.slice(0, -1), ratio, WARM], rows.map(cells))}
  </section>`
}

const fromScratchFirst = (one: string, other: string): number =>
  Number(other === FROM_SCRATCH) - Number(one === FROM_SCRATCH)

/** The handlers that were started from scratch and by the strategy `best`, the largest lead first. */
function rowsOf(suites: readonly SuiteResults[], best: string): HandlerRow[] {
  const severalFilesystems = new Set(suites.map(({ filesystem }) => filesystem)).size > 1
  const nameOf = ({ filesystem, handler, label, cold, criu, apart }: SuiteResults): string =>
    [
      severalFilesystems ? filesystem : '',
      cold ? 'cold' : '',
      handler,
      label === handler ? '' : label,
      criu?.name,
      apart,
    ]
      .filter(Boolean)
      .join(' ')
  return [...Map.groupBy(suites, nameOf)]
    .flatMap(([name, members]) => {
      const medians = new Map(members.flatMap(mediansOf))
      const [scratch, restored] = [medians.get(FROM_SCRATCH), medians.get(best)]
      return scratch && restored ? [{ name, medians, lead: scratch / restored }] : []
    })
    .toSorted((one, other) => other.lead - one.lead)
}

/** What a suite has: its cold start, and its warm call. A log axis has no 0. */
const mediansOf = (suite: SuiteResults): Array<[string, number]> =>
  [[suite.strategy, 'cold start'] as const, [WARM, WARM] as const].flatMap(([name, phase]) => {
    const median = figureOf(suite, phase)?.median ?? 0
    return median > 0 ? [[name, median]] : []
  })

const shown = (median: number | undefined): string =>
  median === undefined ? '–' : formatMilliseconds(median)

const formatLead = (lead: number): string => `${lead.toFixed(1)}×`

const ROW_HEIGHT = 19
/** Warm calls that are further below the fastest start are drawn at the edge: they would leave no room for the starts. */
const DEPTH = 100

function dots(results: Results, rows: readonly HandlerRow[]): Markup {
  const scale = scaleOf(results)
  const series = [...scale.domain, WARM]
  const starts = rows.flatMap(({ medians }) =>
    scale.domain.flatMap((strategy) => medians.get(strategy) ?? []),
  )
  const lowest = Math.min(...starts) / DEPTH
  // What is drawn last is on top.
  const points = rows.flatMap(({ name, medians }) =>
    series.toReversed().flatMap((what) => {
      const ms = medians.get(what)
      return ms === undefined ? [] : [{ name, series: what, ms: Math.max(lowest, ms), title: `${name}, ${what}: ${shown(ms)} ms` }] // prettier-ignore
    }),
  )
  const all = points.map(({ ms }) => ms)
  const domain: [number, number] = [Math.min(...all) * 0.8, Math.max(...all) * 1.25]
  const options: PlotOptions = {
    height: 44 + rows.length * ROW_HEIGHT,
    marginLeft: 104,
    marginRight: 48,
    x: { type: 'log', domain, label: 'ms →', grid: true },
    y: { domain: rows.map(({ name }) => name), label: null, type: 'point', padding: 0.5 },
    color: { ...scale, domain: series, range: [...scale.range, WARM_COLOUR] },
    symbol: { domain: series },
    marks: [
      axisY({ tickSize: 0, label: null }),
      axisX({ ticks: logTicks(domain), tickFormat: 'r' }),
      dot(points, { x: 'ms', y: 'name', fill: 'series', symbol: 'series', r: 3.5, title: 'title' }),
      text(rows, { y: 'name', text: ({ lead }: HandlerRow) => formatLead(lead), frameAnchor: 'right', textAnchor: 'start', dx: 6 }), // prettier-ignore
    ],
  }
  const description = rows.map(({ name, medians, lead }) => `${name} ${[...medians].map(([what, ms]) => `${what} ${shown(ms)}`).join(', ')}, ${formatLead(lead)}`) // prettier-ignore
  return chart(`Cold starts and warm calls by handler, in ms: ${description.join('; ')}`, options)
}
