import { expect, test } from 'vitest'
import { annotations } from './annotations.ts'
import { markdownReport } from './markdown.ts'
import { judged, recorded } from './recorded.testing.ts'
import type { Results } from './results.ts'
import { terminalReport } from './terminal.ts'

/** Everything that a text format could take for its own, as a file from elsewhere may have it. */
const HOSTILE = 'a|b<img src=x>&amp;[link](http://x)`code`\n## heading\r\n::error::\u001b[31mred\u0007'

/** Results whose free texts are all hostile. */
const hostile = (results: Results): Results => ({
  ...results,
  incomplete: HOSTILE,
  fingerprint: { ...results.fingerprint, kernel: HOSTILE, cpu: HOSTILE },
  suites: results.suites.map((suite) => ({
    ...suite,
    title: `${HOSTILE}${suite.title}`,
    label: `${HOSTILE}${suite.label}`,
    handler: HOSTILE,
    baseImage: HOSTILE,
  })),
})

const cellsIn = (row: string): number => row.split(/(?<!\\)\|/).length

const markdown = markdownReport(hostile(judged))

test('results.md has no HTML, link, heading or line of a text from the results', () => {
  expect(markdown).not.toMatch(/<img|&amp;\[|(?<!\\)\]\(http|^## heading|^::|(?<!\\)`/m)
  expect(markdown).toContain(
    'a\\|b&lt;img src=x>&amp;amp;\\[link\\](http://x)\\`code\\`; ## heading; ::error::red',
  )
})

test('every row of a table of results.md has as many cells as its header', () => {
  for (const [table] of markdown.matchAll(/(^\|.*\n)+/gm)) {
    const [header = '', ...rows] = table.trimEnd().split('\n')
    expect(rows.map(cellsIn)).toEqual(rows.map(() => cellsIn(header)))
  }
})

test('the report in the terminal shows a text of the results on its own line, without control characters', () => {
  const text = terminalReport(hostile(judged))
  // oxlint-disable-next-line no-control-regex
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/)
  expect(text).not.toMatch(/^(::|## )/m)
})

test('an annotation is one line without control characters', () => {
  const lines = annotations(hostile(judged))
  expect(lines.length).toBeGreaterThan(0)
  // oxlint-disable-next-line no-control-regex
  for (const line of lines) expect(line).not.toMatch(/[\u0000-\u001f]/)
})

test('texts without special characters stay as they are', () => {
  expect(markdownReport(recorded)).toContain(recorded.fingerprint.cpu)
})
