import { markdownTable } from 'markdown-table'
import { comparedRows } from './compared.ts'
import { formatMilliseconds, formatRatio } from './format.ts'
import { elsewhere } from './hosts.ts'
import type { FigureResults, Results, SuiteResults, VerdictResults } from './results.ts'

/** The rows of the reference's table, with what stands in their place from scratch and seen from outside, then their sum. */
const ROWS = ['dump', 'lean container', 'restore', 'startup', 'first response', 'done', 'execution', 'cold start'] // prettier-ignore
/** Legible without colour. */
const MARKS = { pass: '✓', miss: '✗', ungated: '·' } as const

/** Of a handler that has no sizes: its strategies stand side by side, and plain is what they are held against. */
const hasNoSize = ({ label, handler }: SuiteResults): boolean => label === handler

/** What a suite is in a table of its like. */
export const columnTitle = (suite: SuiteResults): string => (hasNoSize(suite) ? suite.strategy : suite.label)

/** The reference's table with this run's medians: one a filesystem and strategy, in Markdown, which reads well in a terminal too. */
export function referenceTable(suites: readonly SuiteResults[]): string {
  const columns = suites.toSorted((one, other) => one.size - other.size)
  const header = ['ms', ...columns.map(columnTitle)]
  const rows = phasesIn(columns).flatMap((phase) => {
    const figures = columns.map((suite) => figureOf(suite, phase))
    const compared = comparedRows(figures.map((figure) => figure?.verdict))
    return [
      [phase, ...figures.map(cell)],
      ...compared.map(({ title, cells }) => [`  ${title}`, ...cells.map((text) => text ?? '–')]),
    ]
  })
  return markdownTable([header, ...rows, ...againstPlain(columns)], {
    align: ['l', ...columns.map(() => 'r')],
  })
}

const figureOf = (suite: SuiteResults | undefined, phase: string): FigureResults | undefined =>
  suite?.figures.find((figure) => figure.phase === phase)

/** How many times as fast as a start from scratch; no row where that was not measured beside the others. */
function againstPlain(columns: readonly SuiteResults[]): string[][] {
  const plain = figureOf(columns.filter(hasNoSize).find(({ strategy }) => strategy === 'plain'), 'cold start') // prettier-ignore
  if (!plain || columns.length < 2) return []
  const ratios = columns.map((suite) => plain.median / (figureOf(suite, 'cold start')?.median ?? Number.NaN))
  return [['  plain / it', ...ratios.map((ratio) => `${ratio.toFixed(1)}×`)]]
}

/** "5.42 1.08× ✓"; empty for a phase that was not measured. */
function cell(figure: FigureResults | undefined): string {
  if (!figure) return ''
  const { median, verdict } = figure
  return [formatMilliseconds(median), formatRatio(verdict.ratio), MARKS[verdict.state]]
    .filter(Boolean)
    .join(' ')
}

/** What a median may be at most, by what it is compared with. */
const LIMITS: ReadonlyArray<readonly [VerdictResults['source'], (verdict: VerdictResults) => string]> = [
  ['reference', ({ tolerance }) => `${tolerance} × the reference`],
  ['tmpfs', () => 'the ratio to tmpfs in this run'],
  ['threshold', () => 'the threshold'],
]

/** What the marks of the table mean, and how many there are of each. */
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
  return `medians of n=${samples}; ${limits.length === 0 ? '' : gated}· no reference (${count('ungated')})`
}

/** Suites of one table each, by its title, in the order they ran. */
export const tablesOf = ({ suites }: Results): ReadonlyArray<readonly [string, SuiteResults[]]> => [
  ...Map.groupBy(
    suites,
    (suite) =>
      `${suite.filesystem}${hasNoSize(suite) ? '' : `, ${suite.strategy}`}${suite.cold ? ', cold' : ''}${elsewhere({ hosts: suite.hosts })}, ${suite.handler} handler`,
  ),
]

/** The rows of a table, as far as they were measured; a phase that one strategy alone has comes after those that all have. */
export function phasesIn(suites: readonly SuiteResults[]): string[] {
  const measured = new Set(suites.flatMap(({ figures }) => figures.map(({ phase }) => phase)))
  return [...new Set([...ROWS.filter((phase) => measured.has(phase)), ...measured])]
}
