import { markdownTable } from 'markdown-table'
import { formatMilliseconds, formatRatio } from './format.ts'
import { headline, incompleteLine, subline, tally } from './headline.ts'
import { VERDICT_MARKS } from './marks.ts'
import { conditions, tables, verdicts } from './markdown.ts'
import type { Results } from './results.ts'
import { keyOf, rowsOf, verdictOf } from './rows.ts'
import { inMarkdown, withTexts } from './text.ts'

/** By which a workflow finds its comment again. */
export const MARK = '<!-- vitest-criu -->'
/** GitHub refuses more than 65536 characters. */
const LIMIT = 65_000

/** The comment on a pull request: verdicts first, then the figures that changed, then all tables, folded. */
export function commentReport(original: Results): string {
  const results = withTexts(original, inMarkdown)
  const all = ['<details><summary>Every figure</summary>', ...tables(results), ...conditions(results), '</details>'] // prettier-ignore
  const first = [
    MARK,
    `### ${headline(results)}`,
    results.incomplete === undefined ? '' : `**${incompleteLine(results)}**`,
    `${subline(results)} ${tally(results)}`.trim(),
    verdicts(results),
    changedTable(results),
  ]
  const whole = text([...first, ...all])
  return whole.length <= LIMIT ? whole : text([...first, 'The tables are too long for a comment: see the summary of the job.']) // prettier-ignore
}

const text = (parts: ReadonlyArray<string | undefined>): string => `${parts.filter(Boolean).join('\n\n')}\n`

/** The figures that are neither as before nor merely within their limits. */
function changedTable(results: Results): string | undefined {
  const rows = rowsOf(results)
    .map((row) => ({ ...row, verdict: verdictOf(row) }))
    .filter(({ verdict }) => verdict !== 'pass' && verdict !== 'not gated')
    .map((row) => {
      const { median, baseline, verdict: gate } = row.figure
      const before = baseline?.median ?? gate.reference
      return [
        keyOf(row),
        formatMilliseconds(median),
        before === undefined ? '' : formatMilliseconds(before),
        formatRatio(baseline?.ratio ?? gate.ratio),
        `${VERDICT_MARKS[row.verdict]} ${row.verdict}`,
      ]
    })
  if (rows.length === 0) return undefined
  const header = ['figure', 'ms', 'compared with', 'ratio', 'verdict']
  return markdownTable([header, ...rows], { align: ['l', 'r', 'r', 'r', 'l'] })
}
