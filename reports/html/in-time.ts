import { dot, line, ruleY, type PlotOptions } from '@observablehq/plot'
import { formatMilliseconds } from '../format.ts'
import type { Results, SuiteResults } from '../results.ts'
import { figureOf, nameOf } from '../rows.ts'
import { columnTitle } from '../table.ts'
import { durationOf } from '../timeline.ts'
import { chart, foldedTable, legend, logTicks, panel, panelsOf } from './chart.ts'
import { groupTitle } from './groups.ts'
import { html, type Markup } from './markup.ts'
import { scaleOf, strategiesOf } from './palette.ts'

/** One cold start. */
interface Start {
  readonly name: string
  readonly strategy: string
  /** Its place among the samples of its suite, from 1. */
  readonly number: number
  /** s since the first start of the run. */
  readonly at: number
  /** s since the first start of its panel. */
  readonly since: number
  /** ms. */
  readonly duration: number
  /** Duration / median of the suite. */
  readonly relative: number
  /** The control before it, ms. */
  readonly control: number | undefined
  readonly noise: readonly string[]
}

/** Every cold start at the time at which it was taken, and what disturbed it. */
export function samplesInTime(results: Results): Markup {
  const measured = results.suites.filter(({ samples }) => samples.length > 0)
  const first = Math.min(
    ...measured.flatMap(({ samples }) => samples.map(({ points }) => seconds(points.spawned))),
  )
  const panels = [...Map.groupBy(measured, (suite) => groupTitle({ suite }))].map(([title, suites]) => {
    const sizes = [...Map.groupBy(suites, columnTitle)]
    return [title, sizes.map(([size, members]) => panel(size, drawn(results, `${title}, ${size}`, startsOf(members, first))))] as const
  }) // prettier-ignore
  if (panels.length === 0) return html``
  const disturbed = startsOf(measured, first).filter(({ noise }) => noise.length > 0)
  return html`<section id="in-time">
    <h2>In the order of time</h2>
    <p>
      Each dot is one cold start, divided by the median of its suite, at the time at which it was taken.
      Disturbed ones are hollow. The line is the control that runs before each, divided by its own median:
      where it rises, the machine itself was slower.
    </p>
    ${legend([...strategiesOf(results), ['control', 'var(--reference)']])} ${panelsOf(panels)}
    ${
      disturbed.length === 0
        ? html`<p>Nothing disturbed a sample.</p>`
        : foldedTable(
            `What disturbed the samples (${disturbed.length})`,
            ['suite, sample', 's into the run', 'ms', '× median', 'disturbed by'],
            disturbed.map(({ name, number, at, duration, relative, noise }) => [
              `${name}, ${number}`,
              at.toFixed(1),
              formatMilliseconds(duration),
              relative.toFixed(2),
              noise.join(', '),
            ]),
          )
    }
  </section>`
}

const seconds = (point: string): number => Number(BigInt(point) / 1_000_000n) / 1000

/** The cold starts of several suites, in the order of time. */
function startsOf(suites: readonly SuiteResults[], first: number): Start[] {
  const starts = suites.flatMap((suite) => {
    const median = figureOf(suite, 'cold start')?.median ?? 0
    return suite.samples.flatMap(({ points, control, noise = [] }, index) => {
      const duration = durationOf(points, 'cold start') ?? 0
      if (duration === 0 || median === 0) return []
      const at = seconds(points.spawned) - first
      const { strategy } = suite
      return [{ name: nameOf(suite), strategy, number: index + 1, at, duration, relative: duration / median, control, noise }] // prettier-ignore
    })
  })
  const begin = Math.min(...starts.map(({ at }) => at))
  return starts
    .map((start) => ({ ...start, since: start.at - begin }))
    .toSorted((one, other) => one.at - other.at)
}

function drawn(results: Results, label: string, starts: readonly Start[]): Markup {
  const controls = controlsOf(starts)
  const values = [...starts, ...controls].map(({ relative }) => relative)
  const domain = [Math.min(0.8, ...values) * 0.97, Math.max(1.25, ...values) * 1.03]
  const [calm, disturbed] = [starts.filter(({ noise }) => noise.length === 0), starts.filter(({ noise }) => noise.length > 0)] // prettier-ignore
  const marks = { x: 'since', y: 'relative', stroke: 'strategy', r: 2.2, title: titleOf } as const
  const options: PlotOptions = {
    height: 150,
    marginLeft: 36,
    marginRight: 8,
    x: { label: 's →', ticks: 5 },
    y: { type: 'log', label: '↑ × median', grid: true, domain, ticks: ticksIn(domain), tickFormat: 'r' },
    color: scaleOf(results),
    marks: [
      ruleY([1], { stroke: 'currentColor', strokeOpacity: 0.5 }),
      line(controls, { x: 'since', y: 'relative', stroke: 'var(--reference)', strokeWidth: 1 }),
      dot(calm, { ...marks, fill: 'strategy', fillOpacity: 0.75 }),
      dot(disturbed, { ...marks, fill: 'transparent' }),
    ],
  }
  const slowest = starts.reduce(
    (one, other) => (other.relative > one.relative ? other : one),
    starts[0] ?? NONE,
  )
  return chart(`Cold starts in the order of time, ${label}: ${starts.length} samples, ${disturbed.length} disturbed; the slowest took ${slowest.relative.toFixed(2)} times its median`, options) // prettier-ignore
}

const NONE = { relative: 1 }

function controlsOf(starts: readonly Start[]): Array<{ since: number; relative: number }> {
  const known = starts.flatMap(({ since, control }) => (control === undefined ? [] : [{ since, control }]))
  const sorted = known.map(({ control }) => control).toSorted((one, other) => one - other)
  const median = sorted[Math.floor(sorted.length / 2)] ?? 1
  return known.map(({ since, control }) => ({ since, relative: control / median }))
}

const ticksIn = ([low = 1, high = 1]: readonly number[]): number[] =>
  high / low > 4 ? logTicks([low, high]) : [0.5, 0.7, 0.8, 1, 1.2, 1.5, 2].filter((tick) => tick >= low && tick <= high) // prettier-ignore

const titleOf = ({ name, number, duration, noise }: Start): string =>
  [`${name}, sample ${number}: ${formatMilliseconds(duration)} ms`, ...noise].join(', ')
