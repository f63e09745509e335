import { plot, type PlotOptions } from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { html, Markup } from './markup.ts'

/** Points of a page at which a chart is drawn; CSS scales it to the column's width. */
export const WIDTH = 360

// oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-member-access -- this project's types have no DOM
const document: object = parseHTML('<!doctype html><html><body></body></html>').document
// oxlint-enable typescript/no-unsafe-assignment, typescript/no-unsafe-member-access

/** What is used of an SVG element. */
interface Drawing {
  readonly outerHTML: string
  readonly querySelector: (selector: string) => { remove: () => void } | null
  readonly setAttribute: (name: string, value: string) => void
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what Plot returns without a title is an SVG element
const draw = plot as unknown as (options: object) => Drawing

/**
 * One SVG, drawn here so that the page needs neither a network nor a script. Its colours are the page's variables, so
 * that it is light or dark as the page is. `label` is what a screen reader says of it.
 */
export function chart(label: string, options: PlotOptions): Markup {
  const svg = draw({ document, className: 'chart', width: WIDTH, ...options })
  // The page styles all charts at once.
  svg.querySelector('style')?.remove()
  svg.setAttribute('role', 'img')
  svg.setAttribute('aria-label', label)
  return new Markup(svg.outerHTML.replace(/<[^>]*>/g, tidied))
}

/** One image to a screen reader: the names of its groups would be read out for nothing. */
const tidied = (tag: string): string =>
  rounded(tag.startsWith('<g') ? tag.replace(/ aria-\w+="[^"]*"/g, '') : tag)

/** A tenth of a point is more than a screen shows: a third of the page would be decimals. */
const rounded = (tag: string): string =>
  tag.replace(/-?\d+\.\d{2,}/g, (number) => String(Number(Number(number).toFixed(1))))

/** A chart among several, with its title. */
export const panel = (title: string, drawn: Markup): Markup =>
  html`<figure class="panel">
    <figcaption>${title}</figcaption>
    ${drawn}
  </figure>`

/** What a chart says, as a table for those who do not see it or want the figures; folded until asked for. */
export const equivalent = (
  caption: string,
  header: readonly string[],
  rows: ReadonlyArray<readonly string[]>,
): Markup =>
  html`<details class="equivalent">
    <summary>${caption}</summary>
    ${table(caption, header, rows)}
  </details>`

/** A table of more rows scrolls by itself. */
const MANY = 15

/** A plain table whose first columns name the row and whose others are figures. */
export const table = (
  caption: string,
  header: readonly string[],
  rows: ReadonlyArray<readonly string[]>,
): Markup =>
  html`<div
    class="scroll${rows.length > MANY ? ' tall' : ''}"
    role="region"
    aria-label="${caption}"
    tabindex="0"
  >
    <table>
      <caption class="unseen">
        ${caption}
      </caption>
      <thead>
        <tr>
          ${header.map((name) => html`<th scope="col">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ([first = '', ...cells]) =>
            html`<tr>
              <th scope="row">${first}</th>
              ${cells.map((cell) => html`<td>${cell}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`

export const legend = (entries: ReadonlyArray<readonly [string, string]>): Markup =>
  html`<ul class="legend">
    ${entries.map(([name, colour]) => html`<li><span class="swatch" style="background:${colour}"></span>${name}</li>`)}
  </ul>`

/** Panels under a heading each: what is beside each other is of one place, "tmpfs python". */
export const panelsOf = (groups: ReadonlyArray<readonly [string, readonly Markup[]]>): Markup =>
  html`${groups.map(
    ([place, panels]) =>
      html`<h3>${place}</h3>
        <div class="panels">${panels}</div>`,
  )}`

const STEPS = [1, 2, 5]

/** Round values within a log axis: 1, 2, 5, 10, … or where it spans decades, 1, 10, 100. */
export function logTicks([low = 1, high = 1]: readonly number[]): number[] {
  const first = Math.floor(Math.log10(low))
  const last = Math.ceil(Math.log10(high))
  const steps = Math.log10(high / low) > 2.2 ? STEPS.slice(0, 1) : STEPS
  const decades = Array.from({ length: last - first + 1 }, (_, index) => first + index)
  return decades
    .flatMap((decade) => steps.map((step) => Number((step * 10 ** decade).toPrecision(1))))
    .filter((tick) => tick >= low && tick <= high)
}
