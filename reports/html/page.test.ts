import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import axe from 'axe-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../helpers/testing/folders.ts'
import { formatMilliseconds, formatRatio } from '../format.ts'
import { judged, later, recorded } from '../recorded.testing.ts'
import { rowsOf, samplesOf, verdictOf, type Row } from '../rows.ts'
import { noBrowser, startBrowser } from './browser.testing.ts'
import { htmlReport } from './page.ts'

const past = [0, 1, 2, 3, 4, 5].map((day) => later(judged, day - 6, day < 3 ? 0.5 : 1))
/** Half of the suites, and every kind of part, row, chart and verdict: axe takes its time for each element. */
const some = judged.suites.filter(
  ({ title, strategy }) => strategy === 'mapped' || title.startsWith('tmpfs 1MB'),
)
const PAGES = {
  recorded: htmlReport(recorded),
  judged: htmlReport(judged, { runs: past, unreadable: ['calibration.json'] }),
  some: htmlReport({ ...judged, suites: some }, { runs: past.slice(1, 5), unreadable: ['calibration.json'] }),
}

const resources = new AsyncDisposableStack()
let browser: Browser
let folder: string
/** Pages that tests look at and do not change. */
let shown: Record<'recorded' | 'judged', Opened>

beforeAll(async () => {
  if (noBrowser !== undefined) return
  folder = resources.use(await temporaryFolder()).path
  browser = await startBrowser()
  resources.defer(() => browser.close())
  for (const [name, text] of Object.entries(PAGES)) await writeFile(join(folder, `${name}.html`), text)
  shown = { recorded: resources.use(await open('recorded')), judged: resources.use(await open('judged')) }
})
afterAll(() => resources.disposeAsync())
beforeEach(({ skip }) => {
  if (noBrowser !== undefined) skip(noBrowser)
})

/** Opens a page and records its requests, console messages and errors. */
async function open(name: keyof typeof PAGES, options: BrowserContextOptions = {}) {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const events: string[] = []
  page.on('console', (message) => events.push(`console: ${message.text()}`))
  page.on('pageerror', (error) => events.push(`error: ${error.message}`))
  page.on('request', (request) => events.push(`request: ${request.url()}`))
  const url = pathToFileURL(join(folder, `${name}.html`)).href
  await page.goto(url)
  return { page, events, url, [Symbol.asyncDispose]: () => context.close() }
}

type Opened = Awaited<ReturnType<typeof open>>

/** The cell texts of each visible row. */
async function shownRows(page: Page): Promise<string[][]> {
  const columns = await page.locator('#every-figure th').count()
  const cells = await page.locator('#every-figure tbody tr:visible td').allTextContents()
  return Array.from({ length: cells.length / columns }, (_, row) =>
    cells.slice(row * columns, (row + 1) * columns).map((cell) => cell.trim()),
  )
}

const caseOf = ({ suite, figure }: Row): string[] => [
  suite.filesystem,
  suite.strategy,
  suite.label,
  figure.phase,
]

describe('the page', () => {
  test('has a row for every measured phase and no other', async () => {
    const opened = shown.recorded
    const rows = opened.page.locator('table.pivot').first().locator('tr.measured th')
    expect(await rows.allTextContents()).toEqual([
      'dump',
      'lean container',
      'restore',
      'execution',
      'cold start',
    ])
  })

  test('is self-contained and loads without errors', async () => {
    const opened = shown.judged
    expect(opened.events).toEqual([`request: ${opened.url}`])
  })

  test('has the cold start of the smallest and the largest size in its heading', async () => {
    const opened = shown.recorded
    const medians = recorded.suites
      .filter(({ filesystem, strategy }) => filesystem === 'tmpfs' && strategy === 'mapped')
      .map(({ figures }) => figures.find(({ phase }) => phase === 'cold start')?.median ?? Number.NaN)
    const [small = '', large = ''] = medians.map(formatMilliseconds)
    await expect(opened.page.locator('h1').textContent()).resolves.toBe(
      `A 1MB process starts from its checkpoint in ${small} ms, a 16MB one in ${large} ms.`,
    )
  })

  test('lists every figure with its median, ratios and verdict', async () => {
    const opened = shown.judged
    const expected = rowsOf(judged).map((row) => {
      const { median, verdict, baseline } = row.figure
      return [
        ...caseOf(row),
        formatMilliseconds(median),
        formatRatio(verdict.ratio),
        formatRatio(baseline?.ratio),
        verdictOf(row),
      ]
    })
    const found = (await shownRows(opened.page)).map((cells) => [
      ...cells.slice(0, 5),
      ...[10, 12].map((column) => cells[column]),
      cells.at(-1)?.replace(/^\S+\s+/, ''),
    ])
    expect(found).toEqual(expected)
  })

  test('has a table for each filesystem and strategy', async () => {
    const opened = shown.recorded
    const table = opened.page.locator('#table table').first()
    const suite = recorded.suites.find(({ title }) => title === 'tmpfs 16MB mapped')
    const medians = suite?.figures.map(({ median }) => formatMilliseconds(median))
    expect(await table.locator('tr.measured td:nth-child(3) b').allTextContents()).toEqual(medians)
    expect(await table.locator('tr.compared td:nth-child(3)').allTextContents()).toEqual(['21.5', '6', '5.2', '12.7', '23.9']) // prettier-ignore
    expect(await opened.page.locator('#table table').count()).toBe(6)
  })

  test("shows the baseline's verdict in the baseline's row and the reference's verdict beside the median", async () => {
    const opened = shown.judged
    const table = opened.page.locator('#table table').first()
    const [suite] = judged.suites
    const verdicts = suite?.figures.map(
      ({ phase, baseline }) =>
      ['dump', 'cold start'].includes(phase) ? baseline?.verdict : { pass: 'pass', regression: 'slower', improvement: 'faster', inconclusive: 'inconclusive' }[baseline?.verdict ?? 'pass'], // prettier-ignore
    )
    const beside = (row: string) => table.locator(`${row} td:nth-child(2) .unseen`).allTextContents()
    expect(await beside('tr.compared')).toEqual(verdicts)
    expect(await beside('tr.measured')).toEqual(suite?.figures.map(({ verdict }) => verdict.state))
  })

  test('has a mark for every sample above 0 ms', async () => {
    const opened = shown.recorded
    // All three strategies share one dump.
    const expected = rowsOf(recorded)
      .filter(
        ({ suite, figure }) => figure.median > 0 && (figure.phase !== 'dump' || suite.strategy === 'mapped'),
      )
      .flatMap(({ suite, figure }) => samplesOf(suite, figure.phase))
      .filter(({ duration }) => duration > 0)
    expect(await opened.page.locator('#samples svg circle').count()).toBe(expected.length)
    expect(expected.length).toBeGreaterThan(200)
  })

  test('has a hollow mark for each disturbed sample and a cross for each sample of a second measurement', async () => {
    const opened = shown.judged
    const rows = rowsOf(judged).filter(({ figure }) => figure.median > 0)
    const hollow = rows
      .flatMap(({ suite, figure }) => samplesOf(suite, figure.phase))
      .filter(({ duration, noise }) => duration > 0 && noise.length > 0)
    expect(await opened.page.locator('#samples svg circle[fill="transparent"]').count()).toBe(hollow.length)
    const again = rows
      .flatMap(({ suite, figure }) => (suite.again ? samplesOf(suite.again, figure.phase) : []))
      .filter(({ duration }) => duration > 0)
    expect(await opened.page.locator('#samples svg path:has(title)').count()).toBe(again.length)
    expect(hollow.length * again.length).toBeGreaterThan(0)
  })

  test('lists failures first, and shows the noise of the machine with advice', async () => {
    const opened = shown.judged
    const failed = rowsOf(judged).filter((row) => ['regression', 'miss'].includes(verdictOf(row)))
    expect(await opened.page.locator('main > section').first().locator('li').count()).toBe(failed.length)
    expect(await opened.page.locator('#machine').textContent()).toContain('set the governor to performance')
    expect(await opened.page.locator('#failures').textContent()).toContain('1.3 × <main>')
  })

  test('marks the run from which a level changed', async () => {
    const opened = shown.judged
    const table = opened.page.locator('#history table')
    expect(await table.locator('tbody tr').first().locator('td').last().textContent()).toBe('2.00×')
    expect(await table.textContent()).toContain(past[3]?.createdAt)
    expect(await opened.page.locator('#history').textContent()).toContain(
      'not results of a known version: calibration.json',
    )
  })
})

describe('the table of every figure', () => {
  test('sorts by a column in both directions, by mouse and by keyboard', async () => {
    await using opened = await open('recorded')
    const { page } = opened
    const medians = async () => (await shownRows(page)).map((cells) => Number(cells[4]))
    const head = page.getByRole('columnheader', { name: 'median' })
    await head.getByRole('button').click()
    const ascending = (await medians()).toSorted((one, other) => one - other)
    expect(await medians()).toEqual(ascending)
    expect(await head.getAttribute('aria-sort')).toBe('ascending')
    await head.getByRole('button').press('Enter')
    expect(await medians()).toEqual(ascending.toReversed())
    expect(await head.getAttribute('aria-sort')).toBe('descending')
  })

  test('filters by filesystem, phase and verdict, and counts the rows that are left', async () => {
    await using opened = await open('judged')
    const { page } = opened
    await page.getByRole('combobox', { name: 'filesystem' }).selectOption('ceph')
    await page.getByRole('combobox', { name: 'phase' }).selectOption('restore')
    const rows = rowsOf(judged)
    const ceph = rows.filter(({ suite, figure }) => suite.filesystem === 'ceph' && figure.phase === 'restore')
    expect((await shownRows(page)).map((cells) => cells.slice(0, 4))).toEqual(ceph.map(caseOf))
    expect(await page.locator('#shown').textContent()).toBe(`${ceph.length} of ${rows.length} figures`)
    await page.getByRole('combobox', { name: 'verdict' }).selectOption('miss')
    const regressed = ceph.filter((row) => verdictOf(row) === 'miss')
    expect((await shownRows(page)).map((cells) => cells.slice(0, 4))).toEqual(regressed.map(caseOf))
  })

  test('is complete without JavaScript', async () => {
    await using opened = await open('recorded', { javaScriptEnabled: false })
    expect(await opened.page.locator('#every-figure tbody tr:visible').count()).toBe(rowsOf(recorded).length)
    expect(await opened.page.locator('form.filters').isVisible()).toBe(false)
  })
})

describe('the accessibility of the page', () => {
  test.each(['light', 'dark'] as const)('passes axe in %s mode, wide and narrow', async (colorScheme) => {
    await using opened = await open('some', { colorScheme })
    const { page } = opened
    await page.evaluate('document.querySelectorAll("details").forEach((each) => (each.open = true))')
    await page.addScriptTag({ content: axe.source })
    for (const width of [1280, 360]) {
      await page.setViewportSize({ width, height: 800 })
      const found = await page.evaluate<axe.AxeResults>("axe.run({ resultTypes: ['violations'] })")
      const violations = found.violations.map(
        ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' ')}`,
      )
      expect(violations).toEqual([])
    }
  })

  test('does not scroll sideways at a width of 360 pixels', async () => {
    await using opened = await open('judged', { viewport: { width: 360, height: 740 } })
    await opened.page.evaluate('document.querySelectorAll("details").forEach((each) => (each.open = true))')
    expect(await opened.page.evaluate('document.documentElement.scrollWidth')).toBe(360)
  })

  test('makes every control reachable with the Tab key', async () => {
    await using opened = await open('recorded')
    const { page } = opened
    const usable = await page
      .locator('a:visible, button:visible, select:visible, summary:visible, .scroll:visible')
      .count()
    const reached = new Set<unknown>()
    for (let press = 0; press < usable; press++) {
      await page.keyboard.press('Tab')
      reached.add(await page.evaluate('[...document.querySelectorAll("*")].indexOf(document.activeElement)'))
    }
    expect(reached.size).toBe(usable)
    expect(usable).toBeGreaterThan(20)
  })

  test('labels every chart for screen readers', async () => {
    await using opened = await open('judged')
    await opened.page.evaluate('document.querySelectorAll("details").forEach((each) => (each.open = true))')
    const charts = await opened.page.locator('svg').all()
    const labels = await Promise.all(
      charts.map(async (each) => String(await each.getAttribute('aria-label'))),
    )
    expect(labels.filter((label) => !/\d/.test(label) && !label.includes('no change'))).toEqual([])
    expect(new Set(labels).size).toBe(await opened.page.getByRole('img').count())
  })

  test('unfolds every section in print, and hides the tables that repeat a chart', async () => {
    await using opened = await open('recorded')
    const folded = opened.page.locator('details:not([open])')
    expect(await folded.count()).toBeGreaterThan(0)
    await opened.page.pdf()
    expect(await folded.count()).toBe(await opened.page.locator('details.equivalent').count())
    await opened.page.emulateMedia({ media: 'print' })
    expect(await folded.filter({ visible: true }).count()).toBe(0)
  })
})
