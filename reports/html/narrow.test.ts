import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { beforeEach, expect, test } from 'vitest'
import { temporaryFolder } from '../../helpers/testing/folders.ts'
import { judged, later } from '../recorded.testing.ts'
import { noBrowser, startBrowser } from './browser.testing.ts'
import { htmlReport } from './page.ts'

beforeEach(({ skip }) => {
  if (noBrowser !== undefined) skip(noBrowser)
})

/** Titles of tables that are wider than their place, and cells without a place on the screen. */
const HIDDEN = `[
  ...[...document.querySelectorAll('.scroll')].filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.ariaLabel),
  ...[...document.querySelectorAll('td:not(:empty)')].filter((cell) => {
    const { left, right, width } = cell.getBoundingClientRect()
    return width === 0 || left < 0 || right > innerWidth
  }).map((cell) => cell.outerHTML.slice(0, 200)),
]`

test('every column of every table can be read at widths of 390 and 1280 pixels; on the narrow one, cells say their column', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'page.html')
  await writeFile(file, htmlReport(judged, { runs: [0, 1, 2, 3].map((day) => later(judged, day - 4, day < 2 ? 0.5 : 1)), unreadable: [] })) // prettier-ignore
  await using resources = new AsyncDisposableStack()
  const browser = await startBrowser()
  resources.defer(() => browser.close())
  const page = await browser.newPage({ viewport: { width: 1280, height: 844 } })
  await page.goto(pathToFileURL(file).href)
  await page.evaluate('document.querySelectorAll("details").forEach((each) => (each.open = true))')
  expect(await page.evaluate(HIDDEN)).toEqual([])
  await page.setViewportSize({ width: 390, height: 844 })
  expect(await page.evaluate(HIDDEN)).toEqual([])
  const column = `getComputedStyle(document.querySelector('#cold-starts td'), '::before').content`
  expect(await page.evaluate(column)).toBe('"tmpfs mapped"')
})
