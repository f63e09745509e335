import { axisX, axisY, barX, text } from '@observablehq/plot'
import { formatMilliseconds } from '../format.ts'
import type { Results, SuiteResults } from '../results.ts'
import { figureOf } from '../rows.ts'
import { chart, foldedTable, legend, panel } from './chart.ts'
import { html, type Markup } from './markup.ts'
import { colourOfPart, PARTS, strategiesOf } from './palette.ts'

/** Median of a phase in ms; 0 if it was not measured. */
const medianOf = (suite: SuiteResults, phase: string): number => figureOf(suite, phase)?.median ?? 0

const facetTitle = ({ filesystem, cold, handler, apart }: SuiteResults, handlers: number): string =>
  [filesystem, cold ? 'cold' : '', handlers > 1 ? handler : '', apart].filter(Boolean).join(' ')

/** The phases of a cold start as stacked bars: a panel for each size, a bar for each filesystem and strategy. */
export function partsCharts(results: Results): Markup {
  const suites = results.suites.filter((suite) => medianOf(suite, 'cold start') > 0)
  if (suites.length === 0) return html``
  const sizes = [...Map.groupBy(suites, ({ size }) => size)].toSorted(([one], [other]) => one - other)
  return html`<section id="parts">
    <h2>Where the time goes</h2>
    <p>
      The phases of a cold start, as medians in ms. Panels have different scales: compare bars only within a
      panel.
    </p>
    ${legend(PARTS.map((phase) => [phase, colourOfPart(phase)]))}
    <div class="panels">
      ${sizes.map(([, members]) => panel(members[0]?.label ?? '', stacked(results, members)))}
    </div>
    ${foldedTable(
      'The phases as a table',
      ['suite', ...PARTS, 'cold start'],
      suites.map((suite) => [
        `${suite.title}, ${suite.handler}${suite.apart === undefined ? '' : `, ${suite.apart}`}`,
        ...[...PARTS, 'cold start'].map((phase) => formatMilliseconds(medianOf(suite, phase))),
      ]),
    )}
  </section>`
}

function stacked(results: Results, suites: readonly SuiteResults[]): Markup {
  const handlers = new Set(results.suites.map(({ handler }) => handler)).size
  const bars = suites.map((suite) => ({
    facet: facetTitle(suite, handlers),
    strategy: suite.strategy,
    suite,
  }))
  const parts = bars.flatMap((bar) =>
    PARTS.map((phase) => ({ ...bar, phase, ms: medianOf(bar.suite, phase) })),
  )
  const facets = [...new Set(bars.map(({ facet }) => facet))]
  const longest = Math.max(...suites.map((suite) => medianOf(suite, 'cold start')))
  const description = bars
    .map(
      ({ suite }) =>
        `${suite.title}: ${PARTS.map((phase) => `${phase} ${formatMilliseconds(medianOf(suite, phase))}`).join(', ')} ms`,
    )
    .join('; ')
  const strategies = strategiesOf(results).map(([strategy]) => strategy)
  return chart(`Phases of a cold start at ${suites[0]?.label}. ${description}`, {
    height: 46 + bars.length * 20 + facets.length * 8,
    marginLeft: 52,
    marginRight: 58,
    x: { label: 'ms →', grid: true, ticks: 4, domain: [0, longest * 1.2] },
    y: {
      label: null,
      domain: strategies.filter((strategy) => bars.some((bar) => bar.strategy === strategy)),
      padding: 0.25,
    },
    fy: { label: null, padding: 0.12, domain: facets },
    color: { domain: PARTS, range: PARTS.map(colourOfPart) },
    marks: [
      axisY({ tickSize: 0, label: null }),
      axisX({ ticks: 4 }),
      barX(parts, { x: 'ms', y: 'strategy', fy: 'facet', fill: 'phase', order: PARTS, title: ({ phase, ms }: { phase: string; ms: number }) => `${phase} ${formatMilliseconds(ms)} ms` }), // prettier-ignore
      text(bars, { x: ({ suite }: { suite: SuiteResults }) => medianOf(suite, 'lean container') + medianOf(suite, 'restore') + medianOf(suite, 'execution'), y: 'strategy', fy: 'facet', text: ({ suite }: { suite: SuiteResults }) => formatMilliseconds(medianOf(suite, 'cold start')), textAnchor: 'start', dx: 4 }), // prettier-ignore
    ],
  })
}
