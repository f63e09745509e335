import { describe, expect, test } from 'vitest'
import { htmlReport } from './html/page.ts'
import { markdownReport } from './markdown.ts'
import { recorded } from './recorded.testing.ts'
import { Results } from './results.ts'
import { terminalReport } from './terminal.ts'

const sideBySide = [
  {
    title: 'start of a container',
    note: 'Medians with 95 % intervals.',
    columns: [
      { name: 'median', unit: 'ms' },
      { name: '× one', unit: '' },
    ],
    rows: [
      { name: 'one', values: [{ value: 1.5, interval: [1.25, 1.75], n: 10 }, { value: 1 }] },
      { name: 'two <b>', values: [{ value: 150.26, interval: [140, 160.4], n: 10 }, { value: 100.17 }] },
    ],
  },
]
const results = Results.parse({ ...recorded, sideBySide })

describe('a table of a suite without phases', () => {
  test('is in the terminal, with units, intervals and the number of samples', () => {
    expect(terminalReport(results)).toContain(
      [
        '| start of a container |                median, ms | × one |',
        '| :------------------- | ------------------------: | ----: |',
        '| one                  | 1.50 (1.25 to 1.75), n 10 |  1.00 |',
        '| two <b>              |    150 (140 to 160), n 10 |   100 |',
      ].join('\n'),
    )
  })

  test('is in results.md, with its note, and no HTML of it is', () => {
    const report = markdownReport(results)
    expect(report).toContain('| two &lt;b')
    expect(report).toContain('150 (140 to 160), n 10')
    expect(report).toContain('\n\nMedians with 95 % intervals.\n')
  })

  test('is a section of the page, with a link', () => {
    const page = htmlReport(results)
    expect(page).toContain('<a href="#side-by-side">Side by side</a>')
    expect(page).toMatch(
      /two &#60;b&#62;<\/th>\s*<td[^>]*>150 \(140 to 160\), n 10<\/td>\s*<td[^>]*>100<\/td>/,
    )
    expect(htmlReport(recorded)).not.toContain('side-by-side')
  })

  test('is the headline of a run without cold starts', () => {
    const alone = { ...results, suites: [] }
    expect(markdownReport(alone)).toMatch(/^# Side by side: start of a container\.$/m)
    expect(terminalReport(alone)).not.toContain('medians of')
  })
})
