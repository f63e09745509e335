import type { Results } from './results.ts'
import { byFilesystem, legend, referenceTable } from './table.ts'

/** What a run ends with in the terminal. */
export function terminalReport(results: Results): string {
  const { kernel, cpu, cpus, cgroup } = results.fingerprint
  const tables = byFilesystem(results).map(([filesystem, suites]) => {
    const [first] = suites
    return `${filesystem}, ${first?.handler} handler, ${first?.baseImage}\n\n${referenceTable(suites)}`
  })
  return [
    '',
    ...tables,
    '',
    legend(results),
    `kernel ${kernel}, ${cpus} × ${cpu}, cgroup ${cgroup}`,
    '',
  ].join('\n')
}
