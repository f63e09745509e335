import { axisFy, dodgeY, dot, ruleX, text, tickX, type PlotOptions } from '@observablehq/plot'
import { formatInterval, formatMilliseconds } from '../format.ts'
import type { Results } from '../results.ts'
import { keyOf, rowsOf, samplesOf, type Row } from '../rows.ts'
import { phasesIn } from '../table.ts'
import { chart, foldedTable, legend, logTicks, panel, panelsOf } from './chart.ts'
import { html, type Markup } from './markup.ts'
import { scaleOf, strategiesOf } from './palette.ts'
import { groupTitle, strategyOf, withoutSharedDumps } from './groups.ts'

/** With more samples than this in a row, dots would overlap: ticks are drawn instead. */
const MANY = 60
const ROW_HEIGHT = 19
/** The key of the fill of disturbed samples. */
const DISTURBED = 'disturbed'

interface Point {
  readonly row: string
  readonly strategy: string
  /** ms. */
  readonly duration: number
  /** Duration / median of the row. */
  readonly relative: number
  readonly noise: readonly string[]
  /** Whether the sample is from the second measurement of a suspected change. */
  readonly again: boolean
}

/** Every sample as a dot, relative to the median of its figure: a panel for each phase, grouped by filesystem. */
export function samplesCharts(results: Results): Markup {
  const rows = rowsOf(results).filter(({ figure }) => figure.median > 0)
  if (rows.length === 0) return html``
  const groups = [...Map.groupBy(withoutSharedDumps(rows), groupTitle)].map(([title, members]) => {
    const panels = phasesIn(results.suites).flatMap((phase) => {
      const own = members.filter(({ figure }) => figure.phase === phase)
      return own.length === 0 ? [] : [panel(phase, strip(results, `Samples of ${phase}, ${title}`, own))]
    })
    return [title, panels] as const
  })
  return html`<section id="samples">
    <h2>Every sample</h2>
    <p>
      Each mark is one sample, divided by the median of its row, on a log axis. The median in ms is on the
      right. ${explanation(results)}
    </p>
    ${legend(strategiesOf(results))} ${panelsOf(groups)}
    ${foldedTable('The distributions as a table', ['figure', 'n', 'median', '95 % interval', 'min', 'mean', 'max', 'sd'], rows.map(distribution))}
  </section>`
}

function explanation(results: Results): string {
  const samples = results.suites.flatMap((suite) => suite.samples)
  const noisy = samples.filter(({ noise = [] }) => noise.length > 0).length
  const disturbed =
    noisy === 0 ? 'None of them was disturbed.' : `The ${noisy} samples that were disturbed are hollow.`
  const instant = rowsOf(results)
    .flatMap(({ suite, figure }) => samplesOf(suite, figure.phase))
    .filter(({ duration }) => duration === 0).length
  const omitted = instant === 0 ? '' : ` Samples of 0 ms are not shown (${instant}).`
  const again = results.suites.some((suite) => suite.again)
    ? ' Crosses are from the second measurement of a suspected change.'
    : ''
  return `The run has ${samples.length} samples, dumps excluded. ${disturbed}${omitted}${again}`
}

function distribution(row: Row): string[] {
  const { min, median, mean, max, sd, n, interval } = row.figure
  const shown = interval ? formatInterval(interval) : '–'
  return [keyOf(row), String(n), formatMilliseconds(median), shown, ...[min, mean, max, sd].map(formatMilliseconds)] // prettier-ignore
}

const rowTitle = (row: Row): string =>
  row.figure.phase === 'dump' ? row.suite.label : `${row.suite.label} ${row.suite.strategy}`

function strip(results: Results, label: string, rows: readonly Row[]): Markup {
  const order = strategiesOf(results).map(([strategy]) => strategy)
  const rank = ({ suite }: Row): number => order.indexOf(suite.strategy)
  const sorted = rows.toSorted((one, other) => one.suite.size - other.suite.size || rank(one) - rank(other))
  const points = sorted.flatMap(pointsOf)
  const ratios = points.map(({ relative }) => relative)
  const domain = [Math.min(0.8, ...ratios) * 0.97, Math.max(1.25, ...ratios) * 1.03]
  const scale = scaleOf(results)
  const options: PlotOptions = {
    height: 44 + sorted.length * ROW_HEIGHT,
    marginLeft: 98,
    marginRight: 48,
    x: { type: 'log', domain, ticks: ticksIn(domain), tickFormat: 'r', label: '× median →', grid: true },
    fy: { domain: sorted.map(rowTitle), label: null, padding: 0 },
    color: { ...scale, domain: [...scale.domain, DISTURBED], range: [...scale.range, 'transparent'] },
    marks: [
      axisFy({ anchor: 'left', tickSize: 0, label: null }),
      ruleX([1], { stroke: 'currentColor', strokeOpacity: 0.5 }),
      ...marks(points),
      text(sorted, { fy: rowTitle, text: medianOf, frameAnchor: 'right', textAnchor: 'start', dx: 6 }),
    ],
  }
  return chart(`${label}, in ms. ${sorted.map(rangeOf).join('; ')}`, options)
}

const medianOf = ({ figure }: Row): string => formatMilliseconds(figure.median)

const rangeOf = (row: Row): string =>
  `${rowTitle(row)}: median ${medianOf(row)}, ${formatMilliseconds(row.figure.min)} to ${formatMilliseconds(row.figure.max)}`

/** Ticks of the axis: finer than powers of ten if the samples are close together. */
const ticksIn = ([low = 1, high = 1]: readonly number[]): number[] =>
  high / low > 4 ? logTicks([low, high]) : [0.5, 0.7, 0.8, 0.9, 1, 1.2, 1.5, 2].filter((tick) => tick >= low && tick <= high) // prettier-ignore

const pointsOf = (row: Row): Point[] => {
  const { phase, median } = row.figure
  const { again } = row.suite
  const first = samplesOf(row.suite, phase).map((each) => ({ ...each, again: false }))
  const second = again ? samplesOf(again, phase).map((each) => ({ ...each, again: true })) : []
  return (
    [...first, ...second]
      // A log axis cannot show 0 ms.
      .filter(({ duration }) => duration > 0)
      .map((each) => ({
        ...each,
        row: rowTitle(row),
        strategy: strategyOf(row),
        relative: each.duration / median,
      }))
  )
}

function marks(points: Point[]) {
  const common = {
    x: 'relative',
    fy: 'row',
    stroke: 'strategy',
    title: ({ duration, noise, again }: Point) =>
      [`${formatMilliseconds(duration)} ms`, ...(again ? ['measured again'] : []), ...noise].join(', '),
  } as const
  const rows = [...Map.groupBy(points, ({ row }) => row).values()]
  const most = Math.max(0, ...rows.map(({ length }) => length))
  if (most > MANY) return [tickX(points, { ...common, strokeOpacity: 0.4, insetTop: 3, insetBottom: 3 })]
  const fill = ({ strategy, noise }: Point) => (noise.length === 0 ? strategy : DISTURBED)
  const dodged = { ...common, anchor: 'middle', r: 2.2, padding: 0, strokeWidth: 0.8 } as const
  const [first, second] = [points.filter(({ again }) => !again), points.filter(({ again }) => again)]
  return [
    dot(first, dodgeY({ ...dodged, fill, fillOpacity: 0.75 })),
    dot(second, dodgeY({ ...dodged, symbol: 'times' })),
  ]
}
