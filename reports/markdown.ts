import { headline, incompleteLine, subline, tally } from './headline.ts'
import { hostsLine } from './hosts.ts'
import { VERDICT_MARKS } from './marks.ts'
import { memoryTable } from './memory-table.ts'
import { projectLines } from './options.ts'
import type { Results } from './results.ts'
import { failuresOf } from './rows.ts'
import { sideBySideTables } from './side-by-side.ts'
import { tablesOf, legend, referenceTable } from './table.ts'
import { inMarkdown, withTexts } from './text.ts'
import { baselineTable, noiseLines, verdictLines } from './verdicts.ts'

/** results.md, for job summaries. Failures come first. */
export function markdownReport(original: Results): string {
  const results = withTexts(original, inMarkdown)
  const lines = [
    `# ${headline(results)}`,
    results.incomplete === undefined ? '' : `**${incompleteLine(results)}**`,
    `${subline(results)} ${tally(results)}`.trim(),
    verdicts(results),
    ...tables(results),
    ...sideBySideTables(results.sideBySide),
    ...conditions(results),
  ]
  return `${lines.filter(Boolean).join('\n\n')}\n`
}

/** A list of what failed, and of the comparison with the baseline. */
export const verdicts = (results: Results): string =>
  // Only misses: verdictLines has the regressions, with instructions.
  [
    ...failuresOf(results, 'miss').map((failure) => `${VERDICT_MARKS.miss} ${failure}`),
    ...verdictLines(results),
  ]
    .map((line) => `- ${line}`)
    .join('\n')

/** Every table, each with its heading. */
export const tables = (results: Results): Array<string | undefined> =>
  tablesOf(results).flatMap(([title, suites]) => [
    `## ${title}`,
    suites[0]?.baseImage,
    referenceTable(suites),
    baselineTable(results, suites),
    memoryTable(suites),
    hostsLine(suites),
  ])

/** The legend, the noise and the machine. */
export function conditions(results: Results): string[] {
  const { kernel, cpu, cpus, cgroup, node } = results.fingerprint
  return [
    `${legend(results)}.`,
    [...projectLines(results), ...noiseLines(results)].map((line) => `- ${line.trim()}`).join('\n'),
    `Kernel ${kernel}, ${cpus} × ${cpu}, cgroup ${cgroup}, Node ${node}, ${results.createdAt}.`,
  ]
}
