import { axisX, axisY, barX, text } from '@observablehq/plot'
import { formatMilliseconds } from '../format.ts'
import type { Results, SuiteResults } from '../results.ts'
import { figureOf } from '../rows.ts'
import { meanOf, middleOf } from '../stages.ts'
import { withCriu } from '../table.ts'
import { durationOf } from '../timeline.ts'
import { chart, foldedTable, legend, panel, widthOf } from './chart.ts'
import { html, type Markup } from './markup.ts'
import { colourOfPart, partsIn, strategiesOf } from './palette.ts'

/** The median start of a suite. Its parts add up to `total`, which is the median of the cold starts. */
interface Bar {
  readonly suite: SuiteResults
  readonly facet: string
  readonly row: string
  readonly parts: ReadonlyArray<{ readonly phase: string; readonly ms: number }>
  readonly total: number
}

const facetTitle = ({ filesystem, cold, handler, apart }: SuiteResults, handlers: number): string =>
  [filesystem, cold ? 'cold' : '', handlers > 1 ? handler : '', apart].filter(Boolean).join(' ')

const coldStart = ({ points }: SuiteResults['samples'][number]): number =>
  durationOf(points, 'cold start') ?? 0

/** Medians of the parts would not add up to the median of the whole: these are the parts of the run in the middle. */
function barOf(suite: SuiteResults, results: Results): Bar {
  const middle = middleOf(suite.samples, coldStart)
  const own = partsIn({ suites: [suite] })
  return {
    suite,
    facet: facetTitle(suite, new Set(results.suites.map(({ handler }) => handler)).size),
    row: withCriu(suite),
    parts: own.map((phase) => ({
      phase,
      ms: meanOf(middle.map(({ points }) => durationOf(points, phase) ?? 0)),
    })),
    total: meanOf(middle.map(coldStart)),
  }
}

/** The phases of a cold start as stacked bars: a panel for each size, a bar for each filesystem and strategy. */
export function partsCharts(results: Results): Markup {
  const bars = results.suites
    .filter((suite) => suite.samples.length > 0 && figureOf(suite, 'cold start'))
    .map((suite) => barOf(suite, results))
  if (bars.length === 0) return html``
  const phases = partsIn({ suites: bars.map(({ suite }) => suite) })
  const sizes = [...Map.groupBy(bars, ({ suite }) => suite.size)].toSorted(([one], [other]) => one - other)
  return html`<section id="parts">
    <h2>Where the time goes</h2>
    <p>
      The parts of the median start, in ms: of the run in the middle, or of an even number the mean of the two
      in the middle. They add up to the median cold start, which is at the end of each bar. Panels have
      different scales: compare bars only within a panel.
    </p>
    ${legend(phases.map((phase) => [phase, colourOfPart(phase)]))}
    <div class="panels">
      ${sizes.map(([, members]) => panel(members[0]?.suite.label ?? '', stacked(results, phases, members)))}
    </div>
    ${foldedTable(
      'The parts as a table',
      ['suite', ...phases, 'cold start'],
      bars.map(({ suite, parts, total }) => [
        `${suite.title}, ${suite.handler}${suite.apart === undefined ? '' : `, ${suite.apart}`}`,
        ...phases.map((phase) => {
          const part = parts.find((each) => each.phase === phase)
          return part ? formatMilliseconds(part.ms) : '–'
        }),
        formatMilliseconds(total),
      ]),
    )}
  </section>`
}

function stacked(results: Results, phases: readonly string[], bars: readonly Bar[]): Markup {
  const segments = bars.flatMap(({ facet, row, parts }) => parts.map((part) => ({ facet, row, ...part })))
  const facets = [...new Set(bars.map(({ facet }) => facet))]
  const longest = Math.max(...bars.map(({ total }) => total))
  const description = bars
    .map(
      ({ suite, parts, total }) =>
        `${suite.title}: ${parts.map(({ phase, ms }) => `${phase} ${formatMilliseconds(ms)}`).join(', ')}, together ${formatMilliseconds(total)} ms`,
    )
    .join('; ')
  const strategies = strategiesOf(results).map(([strategy]) => strategy)
  const rank = ({ suite }: Bar) => strategies.indexOf(suite.strategy)
  const rows = bars.toSorted((one, other) => rank(one) - rank(other)).map(({ row }) => row)
  return chart(`Parts of the median cold start at ${bars[0]?.suite.label}. ${description}`, {
    height: 34 + bars.length * 20 + facets.length * 8,
    marginTop: 6,
    marginLeft: widthOf(rows),
    marginRight: 58,
    x: { label: 'ms →', grid: true, ticks: 4, domain: [0, longest * 1.2] },
    y: { label: null, domain: [...new Set(rows)], padding: 0.25 },
    fy: { label: null, padding: 0.12, domain: facets },
    color: { domain: phases, range: phases.map(colourOfPart) },
    marks: [
      axisY({ tickSize: 0, label: null }),
      axisX({ ticks: 4, tickFormat: String }),
      barX(segments, { x: 'ms', y: 'row', fy: 'facet', fill: 'phase', order: [...phases], title: ({ phase, ms }: { phase: string; ms: number }) => `${phase} ${formatMilliseconds(ms)} ms` }), // prettier-ignore
      text(bars, { x: 'total', y: 'row', fy: 'facet', text: ({ total }: Bar) => formatMilliseconds(total), textAnchor: 'start', dx: 4 }), // prettier-ignore
    ],
  })
}
