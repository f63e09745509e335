import { stripVTControlCharacters } from 'node:util'
import { Results } from './results.ts'

/** The results with each of their texts changed. Texts may be from elsewhere, and have anything in them. */
export const withTexts = (results: Results, change: (text: string) => string): Results =>
  Results.parse(
    JSON.parse(
      JSON.stringify(results, (_key, value: unknown) => (typeof value === 'string' ? change(value) : value)),
    ),
  )

/** A text as one line without control characters, as a terminal and GitHub's workflow commands need it. */
export const oneLine = (text: string): string =>
  stripVTControlCharacters(text)
    .replaceAll(/\s*[\r\n\u2028\u2029]+\s*/g, '; ')
    .replaceAll(/\p{Cc}/gu, '\uFFFD')

/** A text in a line or a cell of Markdown: no HTML, link, code or end of the cell is in it. */
export const inMarkdown = (text: string): string =>
  oneLine(text)
    .replaceAll(/[\\`*|[\]]/g, String.raw`\$&`)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
