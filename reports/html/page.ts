import { readFileSync } from 'node:fs'
import { headline, incompleteLine, subline, tally } from '../headline.ts'
import { NO_HISTORY, type History } from '../history.ts'
import type { Results } from '../results.ts'
import { failuresOf } from '../rows.ts'
import { coldStartTable } from './cold-starts.ts'
import { figuresTable } from './figures.ts'
import { handlersChart } from './handlers.ts'
import { historySection } from './history.ts'
import { machineSection } from './machine.ts'
import { html, Markup } from './markup.ts'
import { memorySection } from './memory.ts'
import { partsCharts } from './parts.ts'
import { referenceTables } from './reference.ts'
import { samplesInTime } from './in-time.ts'
import { samplesCharts } from './samples.ts'
import { sideBySideSection } from './side-by-side.ts'
import { sizesCharts } from './sizes.ts'
import { timelineSection } from './timeline.ts'

/** The content of a file in this folder, for inlining: the page must be self-contained. */
const inlined = (name: string): Markup => new Markup(readFileSync(new URL(name, import.meta.url), 'utf8'))

const SECTIONS = [
  ['table', 'The table'],
  ['cold-starts', 'Cold starts'],
  ['side-by-side', 'Side by side'],
  ['handlers', 'From scratch'],
  ['figures', 'Every figure'],
  ['parts', 'Where the time goes'],
  ['timeline', 'One start, one dump'],
  ['sizes', 'By memory size'],
  ['samples', 'Every sample'],
  ['in-time', 'In the order of time'],
  ['history', 'History'],
  ['memory', 'Faults and memory'],
  ['machine', 'The machine'],
] as const

/** results.html: a self-contained page for any screen width, light and dark mode, screen readers and paper. */
export function htmlReport(results: Results, history: History = NO_HISTORY): string {
  const main = html`${incomplete(results)} ${failures(results)} ${referenceTables(results)}
  ${coldStartTable(results)} ${sideBySideSection(results)} ${handlersChart(results)} ${figuresTable(results)}
  ${partsCharts(results)} ${timelineSection(results)} ${sizesCharts(results)} ${samplesCharts(results)}
  ${samplesInTime(results)} ${historySection(results, history)} ${memorySection(results)}
  ${machineSection(results)}`
  const text = String(main)
  const links = SECTIONS.filter(([id]) => text.includes(`id="${id}"`))
  return String(
    html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <link rel="icon" href="data:," />
          <title>${headline(results)}</title>
          <style>
            ${inlined('./style.css')}
          </style>
        </head>
        <body>
          ${head(results, links)}
          <main>${main}</main>
          <script>
            ${inlined('./script.js')}
          </script>
        </body>
      </html> `,
  )
}

const head = (results: Results, links: ReadonlyArray<readonly [string, string]>): Markup =>
  html`<header>
    <p class="kind">
      Checkpoint/restore benchmark of
      <time datetime="${results.createdAt}">${results.createdAt.slice(0, 16).replace('T', ' ')} UTC</time>
    </p>
    <h1>${headline(results)}</h1>
    <p class="lead">${subline(results)}</p>
    <p>${tally(results)} ${baselineLine(results)}</p>
    <p class="files">
      Data: <a href="results.json">results.json</a>, <a href="figures.csv">figures.csv</a>,
      <a href="samples.csv">samples.csv</a>
    </p>
    <nav aria-label="Sections">
      <ul>
        ${links.map(([id, title]) => html`<li><a href="#${id}">${title}</a></li>`)}
      </ul>
    </nav>
  </header>`

const baselineLine = ({ baseline }: Results): string =>
  baseline ? `Compared with the baseline ${baseline.name} of ${baseline.createdAt}.` : ''

/** The first section, if anything failed. */
function failures(results: Results): Markup | undefined {
  const failed = failuresOf(results)
  if (failed.length === 0) return undefined
  return html`<section id="failures" class="failures">
    <h2>${failed.length === 1 ? '1 figure' : `${failed.length} figures`} failed</h2>
    <ul>
      ${failed.map((sentence) => html`<li>${sentence}</li>`)}
    </ul>
  </section>`
}

/** Results that lack suites must not be read as a whole run. */
const incomplete = (results: Results): Markup | undefined =>
  results.incomplete === undefined
    ? undefined
    : html`<section id="incomplete" class="failures">
        <h2>Incomplete</h2>
        <p>${incompleteLine(results)}</p>
      </section>`
