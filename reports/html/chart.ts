import { plot, type PlotOptions } from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { html, Markup } from './markup.ts'

/** The width at which a chart is drawn, in CSS pixels. CSS scales it to the width of its column. */
const WIDTH = 360

// oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-member-access -- there are no DOM types
const document: object = parseHTML('<!doctype html><html><body></body></html>').document
// oxlint-enable typescript/no-unsafe-assignment, typescript/no-unsafe-member-access

/** The part of the DOM's SVGElement that is used here. */
interface Drawing {
  readonly outerHTML: string
  readonly querySelector: (selector: string) => { remove: () => void } | null
  readonly setAttribute: (name: string, value: string) => void
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- without a title, Plot returns an SVG element
const draw = plot as unknown as (options: object) => Drawing

/**
 * Draws a chart as inline SVG, so that the page needs neither network nor script. Colours are CSS variables of the
 * page, which differ in light and dark mode. `label` is the text for screen readers.
 */
export function chart(label: string, options: PlotOptions): Markup {
  const svg = draw({ document, className: 'chart', width: WIDTH, ...options })
  // style.css styles all charts.
  svg.querySelector('style')?.remove()
  svg.setAttribute('role', 'img')
  svg.setAttribute('aria-label', label)
  return new Markup(svg.outerHTML.replace(/<[^>]*>/g, simplified))
}

/** Removes the labels of groups, which screen readers would read in addition to the label of the chart. */
const simplified = (tag: string): string =>
  rounded(tag.startsWith('<g') ? tag.replace(/ aria-\w+="[^"]*"/g, '') : tag)

/** Rounds coordinates to a tenth of a pixel. With all decimals, the page would be half as large again. */
const rounded = (tag: string): string =>
  // Its label has figures, not coordinates.
  tag.startsWith('<svg')
    ? tag
    : tag.replace(/-?\d+\.\d{2,}/g, (number) => String(Number(Number(number).toFixed(1))))

/** Room for the longest of some labels beside a chart, by the usual width of its letters. */
export const widthOf = (labels: readonly string[]): number =>
  16 + 6.3 * Math.max(...labels.map(({ length }) => length))

/** A chart with its title, as one of several. */
export const panel = (title: string, drawn: Markup): Markup =>
  html`<figure class="panel">
    <figcaption>${title}</figcaption>
    ${drawn}
  </figure>`

/** The data of a chart as a folded table, for screen readers and for readers who want the figures. */
export const foldedTable = (
  caption: string,
  header: readonly string[],
  rows: ReadonlyArray<readonly string[]>,
): Markup =>
  html`<details class="equivalent">
    <summary>${caption}</summary>
    ${table(caption, header, rows)}
  </details>`

/** A table with more rows than this scrolls vertically. */
const TALL = 15

/** A plain table. The first column has the titles of the rows. */
export const table = (
  caption: string,
  header: readonly string[],
  rows: ReadonlyArray<readonly string[]>,
): Markup =>
  html`<div
    class="scroll${rows.length > TALL ? ' tall' : ''}"
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
              ${cells.map((cell, index) => html`<td data-column="${header[index + 1]}">${cell}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`

export const legend = (entries: ReadonlyArray<readonly [string, string]>): Markup =>
  html`<ul class="legend">
    ${entries.map(([name, colour]) => html`<li><span class="swatch" style="background:${colour}"></span>${name}</li>`)}
  </ul>`

/** Groups of panels, each under the heading of its group. */
export const panelsOf = (groups: ReadonlyArray<readonly [string, readonly Markup[]]>): Markup =>
  html`${groups.map(
    ([title, panels]) =>
      html`<h3>${title}</h3>
        <div class="panels">${panels}</div>`,
  )}`

const STEPS = [1, 2, 5]

/** Ticks of a log axis: 1, 2, 5, 10, … or, if the axis spans more than two decades, 1, 10, 100. */
export function logTicks([low = 1, high = 1]: readonly number[]): number[] {
  const first = Math.floor(Math.log10(low))
  const last = Math.ceil(Math.log10(high))
  const steps = Math.log10(high / low) > 2.2 ? STEPS.slice(0, 1) : STEPS
  const decades = Array.from({ length: last - first + 1 }, (_, index) => first + index)
  return decades
    .flatMap((decade) => steps.map((step) => Number((step * 10 ** decade).toPrecision(1))))
    .filter((tick) => tick >= low && tick <= high)
}
