import { dot, line, text, type PlotOptions } from '@observablehq/plot'
import { formatMilliseconds } from '../format.ts'
import { changePoints } from '../change-points.ts'
import { seriesOf, type History, type Series } from '../history.ts'
import type { Results } from '../results.ts'
import { chart, logTicks, panel, table } from './chart.ts'
import { html, type Markup } from './markup.ts'
import { strategiesOf } from './palette.ts'

interface Change {
  readonly key: string
  readonly size: string
  /** When the first run of the new level was. */
  readonly at: Date
  readonly before: number
  readonly after: number
  readonly ratio: number
}

/** More rows than that are folded. */
const MANY = 12

/** How the figures moved over the runs of a folder, and where their level changed. */
export function historySection(results: Results, history: History): Markup {
  const series = seriesOf(results, history)
  const unreadable =
    history.unreadable.length === 0
      ? undefined
      : html`<p>Not results of this version, left out: ${history.unreadable.join(', ')}.</p>`
  if (series.length === 0)
    return html`<section id="history">
      <h2>History</h2>
      <p>No earlier run of this machine was given.</p>
      ${unreadable}
    </section>`
  const coldStarts = series.filter(({ points }) => points[0]?.row.figure.phase === 'cold start')
  const changes = series.flatMap(changesOf)
  return html`<section id="history">
    <h2>History</h2>
    <p>
      Cold start over ${Math.max(...series.map(({ points }) => points.length))} runs of this machine, medians
      in ms on a log axis, a line a memory size. A ring is where the level of a line changed: found in all
      phases by optimal partitioning of the logarithms.
    </p>
    <div class="panels">
      ${[...Map.groupBy(coldStarts, placeOf)].map(([place, members]) => panel(place, timeline(results, place, members)))}
    </div>
    ${
      changes.length === 0
        ? html`<p>No change of level in ${series.length} series.</p>`
        : html`<details ${changes.length <= MANY ? 'open' : ''}>
            <summary>${changes.length} changes of level in ${series.length} series</summary>
            ${changesTable(changes)}
          </details>`
    }
    ${unreadable}
  </section>`
}

function placeOf({ points }: Series): string {
  const suite = points[0]?.row.suite
  return [suite?.filesystem, suite?.cold ? 'cold' : '', suite?.strategy, suite?.handler]
    .filter(Boolean)
    .join(' ')
}

function changesOf({ key, points }: Series): Change[] {
  const medians = points.map(({ row }) => row.figure.median)
  // A logarithm needs something: a drain may take no time at all.
  if (medians.some((value) => value <= 0)) return []
  return changePoints(medians).flatMap(({ index, ratio }) => {
    const point = points[index]
    if (!point) return []
    const size = point.row.suite.label
    return [
      {
        key,
        size,
        ratio,
        at: new Date(point.createdAt),
        before: medians[index - 1] ?? 0,
        after: medians[index] ?? 0,
      },
    ]
  })
}

function timeline(results: Results, place: string, series: readonly Series[]): Markup {
  const points = series.flatMap((each) => each.points.map(pointOf))
  const colour =
    strategiesOf(results).find(([strategy]) => strategy === series[0]?.points[0]?.row.suite.strategy)?.[1] ??
    'currentColor'
  const last = series.flatMap((each) => each.points.slice(-1).map(pointOf))
  const all = points.map(({ ms }) => ms)
  const domain = [Math.min(...all) * 0.85, Math.max(...all) * 1.15]
  const changes = series.flatMap(changesOf)
  const options: PlotOptions = {
    height: 240,
    marginLeft: 44,
    marginRight: 68,
    x: { type: 'utc', label: null, ticks: 4 },
    y: { type: 'log', label: '↑ ms', grid: true, domain, ticks: logTicks(domain), tickFormat: 'r' },
    marks: [
      line(points, { x: 'at', y: 'ms', z: 'size', stroke: colour, strokeWidth: 1.5 }),
      dot(points, {
        x: 'at',
        y: 'ms',
        fill: colour,
        r: 2,
        title: ({ size, ms, at }: (typeof points)[number]) =>
          `${size}: ${formatMilliseconds(ms)} ms, ${at.toISOString()}`,
      }),
      dot(changes, { x: 'at', y: 'after', r: 7, stroke: 'var(--alarm)', strokeWidth: 2 }),
      text(merged(last, domain), { x: 'at', y: 'ms', text: 'size', textAnchor: 'start', dx: 8 }),
    ],
  }
  const told = changes.map(
    ({ size, ratio, at }) => `${size} changed ${ratio.toFixed(2)} times at ${at.toISOString()}`,
  )
  return chart(`Cold start over time, ${place}: ${told.join('; ') || 'no change of level'}`, options)
}

const pointOf = ({ createdAt, row }: Series['points'][number]) => ({
  at: new Date(createdAt),
  size: row.suite.label,
  ms: row.figure.median,
})

/** Labels that would lie on each other become one: "1MB–4MB". */
function merged<Label extends { size: string; ms: number }>(
  labels: readonly Label[],
  [low = 1, high = 1]: readonly number[],
): Label[] {
  const room = Math.log(high / low) / 14
  const kept: Label[] = []
  for (const label of labels.toSorted((one, other) => one.ms - other.ms)) {
    const below = kept.at(-1)
    if (!below || Math.log(label.ms / below.ms) > room) kept.push(label)
    else kept[kept.length - 1] = { ...below, size: `${below.size.split('–')[0]}–${label.size}` }
  }
  return kept
}

const changesTable = (changes: readonly Change[]): Markup =>
  table(
    'Changes of level',
    ['figure', 'first run of the new level', 'before', 'after', 'ratio of levels'],
    changes
      .toSorted((one, other) => Math.abs(Math.log(other.ratio)) - Math.abs(Math.log(one.ratio)))
      .map(({ key, at, before, after, ratio }) => [key, at.toISOString(), `${formatMilliseconds(before)} ms`, `${formatMilliseconds(after)} ms`, `${ratio.toFixed(2)}×`]), // prettier-ignore
  )
