import { parseHTML } from 'linkedom'
import { describe, expect, test } from 'vitest'
import { recorded } from '../recorded.testing.ts'
import type { Results, SuiteResults } from '../results.ts'
import { handlersChart } from './handlers.ts'
import { htmlReport } from './page.ts'

const [model] = recorded.suites
if (!model) throw new Error('the recorded run has no suite')

/** A suite with these medians, in ms. */
const suite = (handler: string, strategy: string, medians: Record<string, number>): SuiteResults => ({
  ...model,
  handler,
  strategy,
  label: handler,
  figures: model.figures.flatMap((figure) =>
    figure.phase === 'cold start'
      ? Object.entries(medians).map(([phase, median]) => ({ ...figure, phase, median }))
      : [],
  ),
})

const results: Results = {
  ...recorded,
  suites: [
    suite('hello', 'plain', { 'cold start': 60, 'warm call': 0.2 }),
    suite('hello', 'mapped', { 'cold start': 6 }),
    suite('pages', 'plain', { 'cold start': 900, 'warm call': 2 }),
    suite('pages', 'mapped', { 'cold start': 20 }),
    suite('pages', 'eager', { 'cold start': 90 }),
    suite('pages', 'lazy', { 'cold start': 45 }),
  ],
}

const elements = (text: string, selector: string) => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- there are no DOM types
  const { document } = parseHTML(text) as unknown as { document: Queryable }
  return [...document.querySelectorAll(selector)].map(({ textContent }) => textContent.trim())
}
interface Queryable {
  querySelectorAll(selector: string): Iterable<{ readonly textContent: string }>
}

describe('the chart of handlers', () => {
  const drawn = String(handlersChart(results))

  test('has a row for each handler: from scratch, by each strategy, how far ahead, and a warm call', () => {
    const cells = elements(drawn, 'table th, table td')
    expect(cells.join(' | ')).toBe(
      'handler | plain | eager | lazy | mapped | plain / mapped | warm call | ' +
        'pages | 900.0 | 90.0 | 45.0 | 20.0 | 45.0× | 2.00 | ' +
        'hello | 60.0 | – | – | 6.00 | 10.0× | 0.200',
    )
  })

  test('draws each of these figures, with the largest lead first', () => {
    const titles = elements(drawn, 'svg title')
    expect(titles).toContain('pages, warm call: 2.00 ms')
    expect(titles).toContain('hello, plain: 60.0 ms')
    expect(titles).toHaveLength(8)
    expect(elements(drawn, 'svg text').filter((text) => text.endsWith('×'))).toEqual(['45.0×', '10.0×'])
  })

  test('is a section of the page', () => {
    const page = htmlReport(results)
    expect(elements(page, 'nav a[href="#handlers"]')).toEqual(['From scratch'])
    expect(elements(page, '#handlers h2')).toEqual(['From scratch and from a checkpoint'])
  })

  test.each([
    ['one handler', results.suites.slice(0, 2)],
    ['no start from scratch', results.suites.filter(({ strategy }) => strategy !== 'plain')],
    ['nothing but starts from scratch', results.suites.filter(({ strategy }) => strategy === 'plain')],
  ])('is left out of a run with %s', (_, suites) => {
    expect(String(handlersChart({ ...results, suites }))).toBe('')
  })
})
