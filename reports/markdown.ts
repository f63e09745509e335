import { headline, incompleteLine, subline, tally } from './headline.ts'
import { hostsLine } from './hosts.ts'
import { VERDICT_MARKS } from './marks.ts'
import { memoryTable } from './memory-table.ts'
import { projectLines } from './options.ts'
import type { Results } from './results.ts'
import { failuresOf } from './rows.ts'
import { tablesOf, legend, referenceTable } from './table.ts'
import { inMarkdown, withTexts } from './text.ts'
import { baselineTable, noiseLines, verdictLines } from './verdicts.ts'

/** results.md, for job summaries and pull request comments. Failures come first. */
export function markdownReport(original: Results): string {
  const results = withTexts(original, inMarkdown)
  const { kernel, cpu, cpus, cgroup, node } = results.fingerprint
  const tables = tablesOf(results).flatMap(([title, suites]) => [
    `## ${title}`,
    suites[0]?.baseImage,
    referenceTable(suites),
    baselineTable(results, suites),
    memoryTable(suites),
    hostsLine(suites),
  ])
  const lines = [
    `# ${headline(results)}`,
    results.incomplete === undefined ? '' : `**${incompleteLine(results)}**`,
    `${subline(results)} ${tally(results)}`.trim(),
    // Only misses: verdictLines has the regressions, with instructions.
    [
      ...failuresOf(results, 'miss').map((failure) => `${VERDICT_MARKS.miss} ${failure}`),
      ...verdictLines(results),
    ]
      .map((line) => `- ${line}`)
      .join('\n'),
    ...tables,
    `${legend(results)}.`,
    [...projectLines(results), ...noiseLines(results)].map((line) => `- ${line.trim()}`).join('\n'),
    `Kernel ${kernel}, ${cpus} × ${cpu}, cgroup ${cgroup}, Node ${node}, ${results.createdAt}.`,
  ]
  return `${lines.filter(Boolean).join('\n\n')}\n`
}
