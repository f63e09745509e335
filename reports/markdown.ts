import { hostsLine } from './hosts.ts'
import { memoryTable } from './memory-table.ts'
import type { Results } from './results.ts'
import { tablesOf, legend, referenceTable } from './table.ts'

/** reports/out/results.md. */
export function markdownReport(results: Results): string {
  const { kernel, cpu, cpus, cgroup, node } = results.fingerprint
  const tables = tablesOf(results).flatMap(([title, suites]) => [
    `## ${title}`,
    suites[0]?.baseImage,
    referenceTable(suites),
    memoryTable(suites),
    hostsLine(suites),
  ])
  const lines = [
    '# Checkpoint/restore, measured',
    ...tables,
    `${legend(results)}.`,
    `Kernel ${kernel}, ${cpus} × ${cpu}, cgroup ${cgroup}, Node ${node}, ${results.createdAt}.`,
  ]
  return `${lines.filter(Boolean).join('\n\n')}\n`
}
