import { axisX, axisY, barX, ruleX, text } from '@observablehq/plot'
import { formatInterval, formatMilliseconds } from '../format.ts'
import { leadingSuites } from '../headline.ts'
import type { Results, SuiteResults } from '../results.ts'
import { bySize, rowsOf } from '../rows.ts'
import { medianDump, medianStart, type SpreadStage } from '../stages.ts'
import { columnTitle, tablesOf } from '../table.ts'
import { chart, foldedTable, legend, panel, widthOf } from './chart.ts'
import { groupTitle, withoutSharedDumps } from './groups.ts'
import { html, type Markup } from './markup.ts'

const ROW_HEIGHT = 15
const COLOURS = {
  outside: 'var(--reference)',
  'lean container': 'var(--lean-container)',
  restore: 'var(--restore)',
  execution: 'var(--execution)',
  dump: 'var(--restore)',
} as const
/** Until the handler's first instruction, and this much more: what it does then may take a hundred times as long. */
const BEYOND = 1.3

/** The stages of the median start and of the median dump: those of the headline, and the others folded. */
export function timelineSection(results: Results): Markup {
  const groups = groupsOf(results)
  const [lead] = leadingSuites(results)
  const leading = groups.filter(({ runs }) => runs.some(({ suite }) => lead && isLike(suite, lead)))
  const shown = leading.length > 0 ? leading : groups.slice(0, 1)
  if (groups.length === 0) return html``
  return html`<section id="timeline">
    <h2>One start, one dump</h2>
    <p>
      The stages of the median start on one time axis, in ms: of the run in the middle by its cold start, or
      the mean of the two in the middle. The duration of each stage is on the right. The thin lines are the
      quartiles of all runs: half of them took so long. The dashed line is the handler’s first instruction.
      Stages beyond the axis have only their duration. ${aboutCriu(results)}
    </p>
    ${legend([
      ['outside of the cold start', COLOURS.outside],
      ['lean container', COLOURS['lean container']],
      ['restore', COLOURS.restore],
      ['execution', COLOURS.execution],
    ])}
    ${shown.map(
      (each) =>
        html`<h3>${each.title}</h3>
          ${drawnGroup(each)}`,
    )}
    ${groups
      .filter((each) => !shown.includes(each))
      .map(
        (each) =>
          html`<details>
            <summary>${each.title}</summary>
            ${drawnGroup(each)}
          </details>`,
      )}
  </section>`
}

interface Group {
  readonly title: string
  readonly kind: 'start' | 'dump'
  readonly runs: ReadonlyArray<{ readonly suite: SuiteResults; readonly stages: readonly SpreadStage[] }>
}

/** The starts of each strategy on each filesystem, and the dumps, which the strategies share. */
function groupsOf(results: Results): Group[] {
  const starts = tablesOf(results).map(([title, suites]): Group => ({
    title: `Start: ${title}`,
    kind: 'start',
    runs: bySize(suites).map((suite) => ({ suite, stages: medianStart(suite) })),
  }))
  const dumped = withoutSharedDumps(rowsOf(results)).filter(({ figure }) => figure.phase === 'dump')
  const dumps = [...Map.groupBy(dumped, groupTitle)].map(([title, rows]): Group => ({
    title: `Dump: ${title}`,
    kind: 'dump',
    runs: bySize(rows.map(({ suite }) => suite)).map((suite) => ({ suite, stages: medianDump(suite) })),
  }))
  return [...starts, ...dumps].filter(({ runs }) => runs.some(({ stages }) => stages.length > 0))
}

/** Whether a group belongs to the headline: its strategy, or the dumps of its filesystem. */
const isLike = (suite: SuiteResults, lead: SuiteResults): boolean =>
  suite.strategy === lead.strategy && groupTitle({ suite }) === groupTitle({ suite: lead })

const aboutCriu = ({ suites }: Results): Markup =>
  suites.some(({ samples }) => samples.some(({ stages }) => stages))
    ? html`CRIU’s stages are from its log.`
    : html`CRIU’s statistics say how long it restores, but not when: its start is drawn before that, together
        with the resumption of the process after it. With the option <code>keep</code>, its log says when.`

function drawnGroup({ title, kind, runs }: Group): Markup {
  const count = ({ samples, dumps }: SuiteResults) => (kind === 'dump' ? dumps : samples).length
  return html`<div class="panels">
      ${runs.map(({ suite, stages }) => {
        const name = columnTitle(suite)
        return panel(`${name} (n=${count(suite)})`, drawn(`${title}, ${name}, median run`, stages))
      })}
    </div>
    ${kind === 'start' ? keptLogs(runs.map(({ suite }) => suite)) : undefined}
    ${stagesTable(`The stages as a table. ${title}`, runs)}`
}

/** Links to the logs that the option `keep` kept. */
function keptLogs(suites: readonly SuiteResults[]): Markup | undefined {
  const kept = suites.flatMap((suite) => (suite.kept ? [{ title: columnTitle(suite), ...suite.kept }] : []))
  if (kept.length === 0) return undefined
  return html`<p>CRIU’s log of the slowest and of the median sample:</p>
    <ul class="logs">
      ${kept.map(({ title, slowest, median }) => html`<li>${title}: <a href="${slowest}">slowest</a>, <a href="${median}">median</a></li>`)}
    </ul>`
}

const titleOf = ({ name, duration, quartiles }: SpreadStage): string =>
  `${name} ${formatMilliseconds(duration)} ms; of all runs ${formatInterval(quartiles)}`

function drawn(label: string, stages: readonly SpreadStage[]): Markup {
  const total = stages.reduce((sum, { duration }) => sum + duration, 0)
  const first = stages.find(({ part }) => part === 'execution')?.from
  const end = Math.min(total, first === undefined ? total : first * BEYOND)
  const rows = stages.map((stage) => ({
    ...stage,
    to: Math.min(end, stage.from + stage.duration),
    low: Math.min(end, stage.from + stage.quartiles[0]),
    high: Math.min(end, stage.from + stage.quartiles[1]),
  }))
  const visible = rows.filter(({ from }) => from < end)
  const description = stages.map(({ name, duration }) => `${name} ${formatMilliseconds(duration)}`).join(', ')
  return chart(`${label}, in ms: ${description}`, {
    height: 34 + stages.length * ROW_HEIGHT,
    marginLeft: widthOf(stages.map(({ name }) => name)),
    marginRight: 46,
    marginTop: 4,
    x: { label: 'ms →', grid: true, domain: [0, end] },
    y: { label: null, domain: stages.map(({ name }) => name), padding: 0.3 },
    color: { domain: Object.keys(COLOURS), range: Object.values(COLOURS) },
    marks: [
      axisY({ tickSize: 0, label: null }),
      axisX({ ticks: 4, tickFormat: String }),
      barX(visible, { x1: 'from', x2: 'to', y: 'name', fill: 'part', title: titleOf }), // prettier-ignore
      ruleSpread(visible),
      ...(first === undefined ? [] : [ruleX([first], { stroke: 'currentColor', strokeDasharray: '3 3', strokeOpacity: 0.6 })]), // prettier-ignore
      text(rows, {
        y: 'name',
        text: ({ duration }: SpreadStage) => formatMilliseconds(duration),
        frameAnchor: 'right',
        textAnchor: 'start',
        dx: 6,
      }),
    ],
  })
}

/** The quartiles of where a stage ends, as a thin bar. */
const ruleSpread = (rows: ReadonlyArray<SpreadStage & { low: number; high: number }>) =>
  barX(rows, { x1: 'low', x2: 'high', y: 'name', fill: 'currentColor', fillOpacity: 0.75, insetTop: 4, insetBottom: 4 }) // prettier-ignore

function stagesTable(caption: string, runs: Group['runs']): Markup {
  return foldedTable(
    caption,
    ['stage', 'begins', 'median run', 'quartiles', 'slowest'],
    runs.flatMap(({ suite, stages }) =>
      stages.map((stage) => [
        `${columnTitle(suite)}, ${stage.name}`,
        ...[stage.from, stage.duration].map(formatMilliseconds),
        formatInterval(stage.quartiles),
        formatMilliseconds(stage.slowest),
      ]),
    ),
  )
}
