import { dot, line, ruleX, text, type PlotOptions } from '@observablehq/plot'
import { changePoints } from '../change-points.ts'
import { formatMilliseconds, formatRatio } from '../format.ts'
import { seriesOf, type History, type Series } from '../history.ts'
import type { Results } from '../results.ts'
import { chart, logTicks, panel, table } from './chart.ts'
import { html, type Markup } from './markup.ts'
import { strategiesOf } from './palette.ts'

interface Change {
  readonly key: string
  readonly size: string
  /** Time of the first run of the new level. */
  readonly at: Date
  readonly before: number
  readonly after: number
  readonly ratio: number
}

/** A table with more changes than this is folded. */
const MANY = 12

/** Charts of cold start over the earlier runs, and the runs at which the level of any figure changed. */
export function historySection(results: Results, history: History): Markup {
  const series = seriesOf(results, history)
  const unreadable =
    history.unreadable.length === 0
      ? undefined
      : html`<p>
          Left out, because they are not results of a known version: ${history.unreadable.join(', ')}.
        </p>`
  if (series.length === 0)
    return html`<section id="history">
      <h2>History</h2>
      <p>There are no results of earlier runs on this machine.</p>
      ${unreadable}
    </section>`
  const coldStarts = series.filter(({ points }) => points[0]?.row.figure.phase === 'cold start')
  const changes = series.flatMap(changesOf)
  return html`<section id="history">
    <h2>History</h2>
    <p>
      Median cold start in ms of ${Math.max(...series.map(({ points }) => points.length))} runs on this
      machine, on a log axis, with one line for each memory size and its 95 % confidence intervals. A ring
      marks a run from which the level changed. The table has the changes of all phases, as found by optimal
      partitioning of the logarithms.
    </p>
    <div class="panels">
      ${[...Map.groupBy(coldStarts, panelTitle)].map(([title, members]) => panel(title, timeline(results, title, members)))}
    </div>
    ${
      changes.length === 0
        ? html`<p>No change of level in ${series.length} figures.</p>`
        : html`<details ${changes.length <= MANY ? 'open' : ''}>
            <summary>${changes.length} changes of level in ${series.length} figures</summary>
            ${changesTable(changes)}
          </details>`
    }
    ${unreadable}
  </section>`
}

function panelTitle({ points }: Series): string {
  const suite = points[0]?.row.suite
  return [suite?.filesystem, suite?.cold ? 'cold' : '', suite?.strategy, suite?.criu?.name, suite?.handler]
    .filter(Boolean)
    .join(' ')
}

function changesOf({ key, points }: Series): Change[] {
  const medians = points.map(({ row }) => row.figure.median)
  // A drain can take 0 ms, which has no logarithm.
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

function timeline(results: Results, title: string, series: readonly Series[]): Markup {
  const points = series.flatMap((each) => each.points.map(pointOf))
  const colour =
    strategiesOf(results).find(([strategy]) => strategy === series[0]?.points[0]?.row.suite.strategy)?.[1] ??
    'currentColor'
  const last = series.flatMap((each) => each.points.slice(-1).map(pointOf))
  const all = points.flatMap(({ ms, low = ms, high = ms }) => [low, high])
  const domain = [Math.min(...all) * 0.85, Math.max(...all) * 1.15]
  const changes = series.flatMap(changesOf)
  const options: PlotOptions = {
    height: 240,
    marginLeft: 44,
    marginRight: 68,
    x: { type: 'utc', label: null, ticks: 4 },
    y: { type: 'log', label: '↑ ms', grid: true, domain, ticks: logTicks(domain), tickFormat: 'r' },
    marks: [
      ruleX(points.filter(({ interval }) => interval), { x: 'at', y1: 'low', y2: 'high', stroke: colour }), // prettier-ignore
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
  const descriptions = changes.map(
    ({ size, ratio, at }) => `${size} changed to ${ratio.toFixed(2)} times its level at ${at.toISOString()}`,
  )
  return chart(`Cold start over time, ${title}: ${descriptions.join('; ') || 'no change of level'}`, options)
}

const pointOf = ({ createdAt, row }: Series['points'][number]) => ({
  at: new Date(createdAt),
  size: row.suite.label,
  ms: row.figure.median,
  interval: row.figure.interval,
  low: row.figure.interval?.[0],
  high: row.figure.interval?.[1],
})

/** Merges labels that would overlap: "1MB–4MB". */
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
      .map(({ key, at, before, after, ratio }) => [key, at.toISOString(), `${formatMilliseconds(before)} ms`, `${formatMilliseconds(after)} ms`, formatRatio(ratio)]), // prettier-ignore
  )
