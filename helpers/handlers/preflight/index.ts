import { CriuBenchError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { holdsWithin } from '../../process/wait.ts'
import { fileFindings } from './files.ts'
import type { Finding } from './finding.ts'
import { processTree } from './process.ts'
import { socketFindings } from './sockets.ts'
import { treeFindings } from './tree.ts'

/** Milliseconds to wait for what may disappear by itself, such as a connection that has been answered. */
const PATIENCE = 2000

export interface Dumpable {
  readonly name: string
  readonly pid: number
  /** Whether no other program is in its network. */
  readonly hasOwnNetwork: boolean
}

/**
 * Checks a live process and its children for everything that prevents a dump, or a restore in a container. Threads and
 * listening sockets do not, nor do connections among these processes. Throws one CriuBenchError with all findings.
 */
export async function checkDumpable(host: Host, { name, pid, hasOwnNetwork }: Dumpable): Promise<void> {
  let findings: Finding[] = []
  const isDecided = async (): Promise<boolean> => {
    findings = await examine(host, pid, hasOwnNetwork)
    return findings.length === 0 || findings.some(({ passes }) => !passes)
  }
  await holdsWithin(isDecided, { limit: PATIENCE })
  if (findings.length > 0) throw notDumpable(name, pid, findings)
}

async function examine(host: Host, pid: number, hasOwnNetwork: boolean): Promise<Finding[]> {
  const tree = await processTree(host, pid)
  return [
    ...(await treeFindings(host, tree)),
    ...fileFindings(tree),
    ...(await socketFindings(host, tree, hasOwnNetwork)),
  ]
}

/** Each text once, indented like the parts of an error message. */
const lines = (texts: readonly string[]): string => [...new Set(texts)].join('\n            ')

function notDumpable(name: string, pid: number, findings: readonly Finding[]): CriuBenchError {
  return new CriuBenchError({
    failed: `cannot dump the ${name} handler (pid ${pid}) for a restore in a container`,
    found: lines(findings.map(({ what }) => what)),
    expected: 'a process with memory, files of its own and listening sockets, and nothing else',
    fix: lines(findings.map(({ fix }) => fix)),
  })
}
