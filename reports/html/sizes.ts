import { axisX, dot, line, ruleX, type PlotOptions } from '@observablehq/plot'
import { formatInterval, formatMilliseconds, MB } from '../format.ts'
import type { Results } from '../results.ts'
import { rowsOf, type Row } from '../rows.ts'
import { phasesIn } from '../table.ts'
import { chart, legend, logTicks, panel, panelsOf } from './chart.ts'
import { html, type Markup } from './markup.ts'
import { scaleOf, strategiesOf } from './palette.ts'
import { groupTitle, strategyOf, withoutSharedDumps } from './groups.ts'

/** Medians by memory size on log-log axes: a panel for each phase, with the same scale on every filesystem. */
export function sizesCharts(results: Results): Markup {
  const rows = withoutSharedDumps(rowsOf(results)).filter(({ figure }) => figure.median > 0)
  if (new Set(rows.map(size)).size < 2) return html``
  const groups = [...Map.groupBy(rows, groupTitle)].map(([title, members]) => {
    const panels = phasesIn(results.suites).flatMap((phase) => {
      const own = members.filter(({ figure }) => figure.phase === phase)
      if (own.length === 0) return []
      const label = `${phase} by memory size, ${title}`
      return [panel(phase, lines(results, label, own, domainOf(rows, phase)))]
    })
    return [title, panels] as const
  })
  return html`<section id="sizes">
    <h2>By memory size</h2>
    <p>
      Median in ms by the size of the memory that the handler touches, on two log axes. A flat line means that
      the time does not depend on memory size. Vertical bars are 95 % confidence intervals. All strategies
      share one dump. Dashed lines in the colour of a strategy are tmpfs in the same run. The figures are in
      the table of
      <a href="#figures">every figure</a>.
    </p>
    ${legend([...strategiesOf(results), ['reference (dashed)', 'var(--reference)']])} ${panelsOf(groups)}
  </section>`
}

const size = ({ suite }: Row): number => suite.size
const median = ({ figure }: Row): number => figure.median
const low = ({ figure }: Row): number => {
  const lower = figure.interval?.[0] ?? 0
  // A drain may take 0 ms, which a log axis does not have.
  return lower > 0 ? lower : figure.median
}
const high = ({ figure }: Row): number => figure.interval?.[1] ?? figure.median
/** Undefined for 0, which a log axis does not have. */
const reference = ({ figure: { verdict } }: Row): number | undefined =>
  (verdict.reference ?? 0) > 0 ? verdict.reference : undefined

/** The axis spans at least a decade, so that noise of a flat phase does not look like a slope. */
function domainOf(rows: readonly Row[], phase: string): [number, number] {
  const own = rows.filter(({ figure }) => figure.phase === phase)
  const values = own.flatMap((row) => [low(row), high(row), reference(row) ?? median(row)])
  const [least, most] = [Math.min(...values), Math.max(...values)]
  const middle = Math.sqrt(least * most)
  return [Math.min(least * 0.9, middle / Math.sqrt(10)), Math.max(most * 1.1, middle * Math.sqrt(10))]
}

function lines(results: Results, label: string, rows: readonly Row[], domain: [number, number]): Markup {
  const sizes = [...new Set(rows.map(size))].toSorted((one, other) => one - other)
  const descriptions = rows.map(
    (row) => `${strategyOf(row)} ${row.suite.label} ${formatMilliseconds(median(row))}`,
  )
  const compared = rows.filter((row) => reference(row) !== undefined)
  const published = compared.filter(({ figure }) => figure.verdict.source === 'reference')
  const onTmpfs = compared.filter(({ figure }) => figure.verdict.source === 'tmpfs')
  const dashed = { x: size, z: strategyOf, strokeDasharray: '4 3', sort: size }
  const symbols = [...scaleOf(results).domain, 'all strategies']
  const options: PlotOptions = {
    height: 220,
    marginLeft: 44,
    marginRight: 20,
    x: { type: 'log', base: 2, label: null },
    y: { type: 'log', label: '↑ ms', grid: true, domain, ticks: logTicks(domain), tickFormat: 'r' },
    color: scaleOf(results),
    symbol: { domain: symbols },
    marks: [
      axisX(sizes, { tickFormat: megabytes, label: 'memory (MB) →' }),
      line(published, { ...dashed, y: reference, stroke: 'var(--reference)' }),
      line(onTmpfs, { ...dashed, y: reference, stroke: strategyOf }),
      line(rows, { x: size, y: median, z: strategyOf, stroke: strategyOf, sort: size, strokeWidth: 2 }),
      ruleX(
        rows.filter(({ figure }) => figure.interval),
        { x: size, y1: low, y2: high, stroke: strategyOf, strokeWidth: 1.2, marker: 'tick' },
      ),
      dot(rows, { x: size, y: median, fill: strategyOf, symbol: strategyOf, r: 3.5, title: titleOf }),
    ],
  }
  return chart(`${label}, in ms: ${descriptions.join('; ')}`, options)
}

const titleOf = (row: Row): string =>
  `${row.suite.title}: ${formatMilliseconds(median(row))} ms${row.figure.interval ? `, ${formatInterval(row.figure.interval)} at 95 %` : ''} (n=${row.figure.n})`

const megabytes = (bytes: number): string =>
  String(bytes % MB === 0 ? bytes / MB : Number((bytes / MB).toPrecision(3)))
