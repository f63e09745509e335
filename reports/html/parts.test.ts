import { parseHTML } from 'linkedom'
import { expect, test } from 'vitest'
import { formatMilliseconds } from '../format.ts'
import { judged, recorded } from '../recorded.testing.ts'
import type { Results } from '../results.ts'
import { figureOf } from '../rows.ts'
import { coldStartTable } from './cold-starts.ts'
import { samplesInTime } from './in-time.ts'
import { machineSection } from './machine.ts'
import type { Markup } from './markup.ts'
import { partsCharts } from './parts.ts'
import { referenceTables } from './reference.ts'
import { timelineSection } from './timeline.ts'

interface Part {
  readonly textContent: string
  readonly getAttribute: (name: string) => string | null
  readonly querySelectorAll: (selector: string) => Iterable<Part>
}

/** The elements of a part of the page. */
const elements = (markup: Markup, selector: string): Part[] =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion, typescript/no-unsafe-member-access -- there are no DOM types
  [...(parseHTML(`<html><body>${String(markup)}</body></html>`).document as unknown as Part).querySelectorAll(selector)] // prettier-ignore

const textOf = ({ textContent }: Part): string => textContent.replaceAll(/\s+/g, ' ').trim()
const texts = (markup: Markup, selector: string): string[] => elements(markup, selector).map(textOf)
const rowsIn = (markup: Markup): string[][] =>
  elements(markup, 'tbody tr').map((row) => [...row.querySelectorAll('th, td')].map(textOf))

const at = (ms: number): string => String(1_000_000_000_000n + BigInt(ms) * 1_000_000n)

/** Cold starts whose parts have medians in different runs: medians of the parts add up to 3, the median start takes 4. */
function skewed(): Results {
  const results = structuredClone(recorded)
  const [suite] = results.suites
  if (!suite) throw new Error('no suite is recorded')
  const shares = [[2, 1, 1], [1, 2, 1], [1, 1, 2]] as const // prettier-ignore
  suite.samples = shares.map(([container, restore, execution]) => ({
    checksum: 'x',
    stats: {},
    points: {
      spawned: at(0),
      containerStarted: at(1),
      restoreStarted: at(1 + container),
      handlerStarted: at(1 + container + restore),
      handlerEnded: at(1 + container + restore + execution),
      containerGone: at(20),
    },
  }))
  return { ...results, suites: [suite] }
}

test('the parts of a bar add up to its label, where medians of the parts would not', () => {
  const [[, ...cells] = []] = rowsIn(partsCharts(skewed()))
  const figures = cells.map(Number)
  expect(figures.slice(0, 3).reduce((sum, part) => sum + part, 0)).toBe(figures[3])
  expect(figures[3]).toBe(4)
})

test('the label of each bar is the median cold start of the tables', () => {
  const labels = texts(partsCharts(recorded), '#parts tbody td:last-child')
  expect(labels).toEqual(
    recorded.suites.map((suite) => formatMilliseconds(figureOf(suite, 'cold start')?.median ?? 0)),
  )
})

test('a handler that is observed has its own parts', () => {
  const results = structuredClone(recorded)
  for (const suite of results.suites) {
    suite.figures = suite.figures.filter(({ phase }) => phase !== 'execution')
    for (const figure of suite.figures) if (figure.phase === 'restore') figure.phase = 'first response'
  }
  expect(texts(partsCharts(results), '#parts thead th')).toEqual(['suite', 'lean container', 'first response', 'cold start']) // prettier-ignore
})

test('one table has every cold start, by size and by strategy on each filesystem, with its interval and n', () => {
  const results = structuredClone(recorded)
  for (const { figures } of results.suites) for (const figure of figures) figure.interval = [1, 2]
  const table = coldStartTable(results)
  const columns = ['mapped', 'lazy', 'eager'].map((strategy) => `tmpfs ${strategy}`)
  expect(texts(table, 'thead th')).toEqual(['size', ...columns, ...columns.map((name) => name.replace('tmpfs', 'ceph'))]) // prettier-ignore
  expect(texts(table, 'tbody th')).toEqual(['1MB python', '16MB python'])
  const suite = results.suites.find(({ title }) => title === 'tmpfs 16MB lazy')
  const cold = suite && figureOf(suite, 'cold start')
  const cell = texts(table, 'tbody tr:nth-child(2) td:nth-child(3)')[0]
  expect(cell).toMatch(new RegExp(`^${formatMilliseconds(cold?.median ?? 0)} 1.00–2.00 n=${cold?.n}`))
  expect(texts(table, 'tbody tr b')).toHaveLength(2)
  expect(new Set(texts(referenceTables(results), 'tr.measured small'))).toEqual(new Set(['1.00–2.00']))
})

test('lists the disturbed samples in the order of time, and what disturbed them', () => {
  const rows = rowsIn(samplesInTime(judged))
  expect(rows).toHaveLength(judged.suites.length)
  expect([rows[0]?.[0], rows[0]?.at(-1)]).toEqual(['tmpfs 1MB mapped python, 1', 'steal 4 %'])
  const times = rows.map(([, time]) => Number(time))
  expect(times).toEqual(times.toSorted((one, other) => one - other))
  expect(texts(samplesInTime(recorded), 'p').at(-1)).toBe('Nothing disturbed a sample.')
})

test('has a timeline of the median start and of the median dump, and links to the kept logs', () => {
  const results = structuredClone(recorded)
  for (const suite of results.suites) {
    suite.kept = { slowest: 'logs/a.slowest.log', median: 'logs/a.median.log' }
    for (const dump of suite.dumps) dump.stages = { start: 1, memory: dump.total - 1 }
  }
  const section = timelineSection(results)
  const charts = elements(section, 'svg').map((chart) => chart.getAttribute('aria-label'))
  // All three strategies share one dump.
  expect(charts).toHaveLength(results.suites.length * (4 / 3))
  expect(charts[0]).toMatch(
    /^Start: tmpfs, mapped, python handler, 1MB, median run, in ms: spawn [\d.]+, lean/,
  )
  expect(charts.find((label) => label?.startsWith('Dump: '))).toContain('start 1.00, memory')
  expect(elements(section, 'a').map((link) => link.getAttribute('href'))).toContain('logs/a.slowest.log')
})

test('says which suites each set of options belongs to', () => {
  const results: Results = {
    ...recorded,
    options: { cold: false },
    projects: ['one', 'two'].map((name) => ({ name, options: { cold: false, iterations: name.length } })),
    suites: recorded.suites.map((suite, index) => ({ ...suite, project: index === 0 ? 'one' : 'two' })),
  }
  const text = texts(machineSection(results), '#machine').join(' ')
  expect(text).toContain('Options of the project one Of the suites tmpfs 1MB mapped python. iterations 3')
  expect(text).toContain('Options that all projects share cold false')
})
