import { incompleteLine } from './headline.ts'
import { hostsLine } from './hosts.ts'
import { memoryTable } from './memory-table.ts'
import { projectLines } from './options.ts'
import type { Results } from './results.ts'
import { sideBySideTables } from './side-by-side.ts'
import { tablesOf, legend, referenceTable } from './table.ts'
import { inWidth } from './width.ts'
import { oneLine, withTexts } from './text.ts'
import { baselineTable, noiseLines, verdictLines } from './verdicts.ts'

/** The report that a run prints at its end, for a terminal of so many columns. */
export function terminalReport(original: Results, width = Infinity): string {
  const results = withTexts(original, oneLine)
  const { kernel, cpu, cpus, cgroup } = results.fingerprint
  const tables = tablesOf(results).map(([title, suites]) => {
    const [first] = suites
    const parts = [
      `${title}, ${first?.baseImage}`,
      inWidth(width, suites, (some) => referenceTable(some, suites)),
      inWidth(width, suites, (some) => baselineTable(results, some)),
      inWidth(width, suites, memoryTable),
      hostsLine(suites),
    ]
    return `${parts.filter(Boolean).join('\n\n')}\n`
  })
  return [
    '',
    ...tables,
    ...sideBySideTables(results.sideBySide).map((text) => `${text}\n`),
    '',
    ...(results.suites.length === 0 ? [] : [legend(results)]),
    ...projectLines(results),
    ...(results.incomplete === undefined ? [] : [incompleteLine(results)]),
    ...verdictLines(results),
    ...noiseLines(results),
    `kernel ${kernel}, ${cpus} × ${cpu}, cgroup ${cgroup}`,
    '',
  ].join('\n')
}
