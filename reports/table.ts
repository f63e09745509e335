import { markdownTable } from 'markdown-table'
import { comparedRows } from './compared.ts'
import { formatMilliseconds, formatRatio } from './format.ts'
import { elsewhere } from './hosts.ts'
import { GATE_MARKS } from './marks.ts'
import type { FigureResults, Results, SuiteResults, VerdictResults } from './results.ts'
import { bySize, figureOf } from './rows.ts'

/** Row order. `startup` replaces restore for `plain`; `first response` and `done` are of observed handlers. */
const ROWS = ['dump', 'rewrite', 'lean container', 'restore', 'startup', 'first response', 'done', 'execution', 'cold start'] // prettier-ignore
/** Whether the handler has no sizes. The columns of its table are strategies, which are compared with `plain`. */
const hasNoSize = ({ label, handler }: SuiteResults): boolean => label === handler

/** "mapped", or "mapped stock" if several CRIUs are compared. */
export const withCriu = ({ strategy, criu }: Pick<SuiteResults, 'strategy' | 'criu'>): string =>
  criu === undefined ? strategy : `${strategy} ${criu.name}`

/** Title of the suite's column: its size, or its strategy if the handler has no sizes. */
export const columnTitle = (suite: SuiteResults): string => (hasNoSize(suite) ? withCriu(suite) : suite.label)

/**
 * A Markdown table of medians: a column for each suite, a row for each phase and for the figures to compare with. `all` has
 * the suites of the other parts of the table, if it is in parts.
 */
export function referenceTable(suites: readonly SuiteResults[], all = suites): string {
  const columns = bySize(suites)
  const header = ['ms', ...columns.map(columnTitle)]
  const rows = phasesIn(columns).flatMap((phase) => {
    const figures = columns.map((suite) => figureOf(suite, phase))
    const compared = comparedRows(figures.map((figure) => figure?.verdict))
    return [
      [phase, ...figures.map(figureCell)],
      ...compared.map(({ title, cells }) => [`  ${title}`, ...cells.map((text) => text ?? '–')]),
      ...(phase === 'cold start' ? speedupOverPlain(columns, all) : []),
    ]
  })
  return markdownTable([header, ...rows], {
    align: ['l', ...columns.map(() => 'r')],
  })
}

/** The row that compares each cold start with a start from scratch. Only if `plain` is one of several columns. */
function speedupOverPlain(columns: readonly SuiteResults[], all: readonly SuiteResults[]): string[][] {
  const plain = figureOf(all.filter(hasNoSize).find(({ strategy }) => strategy === 'plain'), 'cold start') // prettier-ignore
  if (!plain || all.length < 2) return []
  const ratios = columns.map((suite) => plain.median / (figureOf(suite, 'cold start')?.median ?? Number.NaN))
  return [['  speedup', ...ratios.map((ratio) => `${ratio.toFixed(1)}×`)]]
}

/** "5.42 1.08× ✓"; empty if the phase was not measured. */
function figureCell(figure: FigureResults | undefined): string {
  if (!figure) return ''
  const { median, verdict } = figure
  return [formatMilliseconds(median), formatRatio(verdict.ratio), GATE_MARKS[verdict.state]]
    .filter(Boolean)
    .join(' ')
}

/** The limit of a median, by the source of the figure that it is compared with. */
const LIMITS: ReadonlyArray<readonly [VerdictResults['source'], (verdict: VerdictResults) => string]> = [
  ['reference', ({ tolerance }) => `${tolerance} × the reference`],
  ['tmpfs', () => 'the ratio to tmpfs in this run'],
  ['threshold', () => 'the threshold'],
]

/** Explains the marks of the tables and counts them. */
export function legend({ suites }: Results): string {
  const figures = suites.flatMap((suite) => suite.figures)
  const verdicts = figures.map(({ verdict }) => verdict)
  const count = (state: VerdictResults['state']) =>
    verdicts.filter((verdict) => verdict.state === state).length
  const limits = LIMITS.flatMap(([source, limit]) => {
    const found = verdicts.find((verdict) => verdict.source === source)
    return found ? limit(found) : []
  })
  const gated = `✓ at most ${limits.join(' or ')} (${count('pass')}), ✗ more (${count('miss')}), `
  const samples = [...new Set(figures.map(({ n }) => n))].join(' or ')
  return `medians of ${samples} samples; ${limits.length === 0 ? '' : gated}· nothing to compare with (${count('ungated')})`
}

/** The title and the suites of each table, in the order in which the suites ran. */
export const tablesOf = ({ suites }: Results): ReadonlyArray<readonly [string, SuiteResults[]]> => [
  ...Map.groupBy(
    suites,
    (suite) =>
      `${suite.filesystem}${hasNoSize(suite) ? '' : `, ${withCriu(suite)}`}${suite.cold ? ', cold' : ''}${elsewhere({ hosts: suite.hosts })}, ${suite.handler} handler${suite.apart === undefined ? '' : `, ${suite.apart}`}`,
  ),
]

/** The measured phases in row order. Phases that only one strategy has, such as drain, come last. */
export function phasesIn(suites: readonly SuiteResults[]): string[] {
  const measured = new Set(suites.flatMap(({ figures }) => figures.map(({ phase }) => phase)))
  return [...new Set([...ROWS.filter((phase) => measured.has(phase)), ...measured])]
}
