import { axisX, axisY, barX, text } from '@observablehq/plot'
import { formatMilliseconds } from '../format.ts'
import type { Results, SuiteResults } from '../results.ts'
import { chart, equivalent, legend, panel } from './chart.ts'
import { html, type Markup } from './markup.ts'
import { colourOfPart, PARTS, strategiesOf } from './palette.ts'

const of = ({ figures }: SuiteResults, phase: string): number =>
  figures.find((figure) => figure.phase === phase)?.median ?? 0

const placeOf = ({ filesystem, cold, handler }: SuiteResults, handlers: number): string =>
  [filesystem, cold ? 'cold' : '', handlers > 1 ? handler : ''].filter(Boolean).join(' ')

/** Where the time of a cold start goes: a panel a size, each with its own scale; a bar a filesystem and strategy. */
export function partsCharts(results: Results): Markup {
  const suites = results.suites.filter((suite) => of(suite, 'cold start') > 0)
  if (suites.length === 0) return html``
  const sizes = [...Map.groupBy(suites, ({ size }) => size)].toSorted(([one], [other]) => one - other)
  return html`<section id="parts">
    <h2>Where the time goes</h2>
    <p>The parts of a cold start, medians in ms. Each panel has a scale of its own: compare within a size.</p>
    ${legend(PARTS.map((phase) => [phase, colourOfPart(phase)]))}
    <div class="panels">
      ${sizes.map(([, members]) => panel(members[0]?.label ?? '', stacked(results, members)))}
    </div>
    ${equivalent(
      'The parts as a table',
      ['suite', ...PARTS, 'cold start'],
      suites.map((suite) => [
        `${suite.title}, ${suite.handler}`,
        ...[...PARTS, 'cold start'].map((phase) => formatMilliseconds(of(suite, phase))),
      ]),
    )}
  </section>`
}

function stacked(results: Results, suites: readonly SuiteResults[]): Markup {
  const handlers = new Set(results.suites.map(({ handler }) => handler)).size
  const bars = suites.map((suite) => ({ place: placeOf(suite, handlers), strategy: suite.strategy, suite }))
  const parts = bars.flatMap((bar) => PARTS.map((phase) => ({ ...bar, phase, ms: of(bar.suite, phase) })))
  const places = [...new Set(bars.map(({ place }) => place))]
  const longest = Math.max(...suites.map((suite) => of(suite, 'cold start')))
  const label = bars
    .map(
      ({ suite }) =>
        `${suite.title}: ${PARTS.map((phase) => `${phase} ${formatMilliseconds(of(suite, phase))}`).join(', ')} ms`,
    )
    .join('; ')
  const strategies = strategiesOf(results).map(([strategy]) => strategy)
  return chart(`Parts of a cold start at ${suites[0]?.label}. ${label}`, {
    height: 46 + bars.length * 20 + places.length * 8,
    marginLeft: 52,
    marginRight: 58,
    x: { label: 'ms →', grid: true, ticks: 4, domain: [0, longest * 1.2] },
    y: {
      label: null,
      domain: strategies.filter((strategy) => bars.some((bar) => bar.strategy === strategy)),
      padding: 0.25,
    },
    fy: { label: null, padding: 0.12, domain: places },
    color: { domain: PARTS, range: PARTS.map(colourOfPart) },
    marks: [
      axisY({ tickSize: 0, label: null }),
      axisX({ ticks: 4 }),
      barX(parts, { x: 'ms', y: 'strategy', fy: 'place', fill: 'phase', order: PARTS, title: ({ phase, ms }: { phase: string; ms: number }) => `${phase} ${formatMilliseconds(ms)} ms` }), // prettier-ignore
      text(bars, { x: ({ suite }: { suite: SuiteResults }) => of(suite, 'lean container') + of(suite, 'restore') + of(suite, 'execution'), y: 'strategy', fy: 'place', text: ({ suite }: { suite: SuiteResults }) => formatMilliseconds(of(suite, 'cold start')), textAnchor: 'start', dx: 4 }), // prettier-ignore
    ],
  })
}
