import type { Results } from './results.ts'
import { byFilesystem, legend, referenceTable } from './table.ts'

/** reports/out/results.md. */
export function markdownReport(results: Results): string {
  const { kernel, cpu, cpus, cgroup, node } = results.fingerprint
  const tables = byFilesystem(results).flatMap(([filesystem, suites]) => [
    `## ${filesystem}`,
    `${suites[0]?.handler} handler, ${suites[0]?.baseImage}`,
    referenceTable(suites),
  ])
  const lines = [
    '# Checkpoint/restore, measured',
    ...tables,
    `${legend(results)}.`,
    `Kernel ${kernel}, ${cpus} × ${cpu}, cgroup ${cgroup}, Node ${node}, ${results.createdAt}.`,
  ]
  return `${lines.join('\n\n')}\n`
}
