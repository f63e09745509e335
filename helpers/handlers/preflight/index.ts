import { CriuBenchError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { holdsWithin } from '../../process/wait.ts'
import { fileFindings } from './files.ts'
import type { Finding } from './finding.ts'
import { processTree } from './process.ts'
import { socketFindings } from './sockets.ts'

/** How long what may go by itself has for it, ms: the end of a connection that was answered. */
const PATIENCE = 2000

/**
 * Looks at a live process, and those it has started, for what would keep them from being dumped or from coming back in a
 * container. Threads are no such thing, nor are sockets that listen. Throws one CriuBenchError with all there is.
 */
export async function checkDumpable(host: Host, { name, pid }: { name: string; pid: number }): Promise<void> {
  let findings: Finding[] = []
  const isDecided = async (): Promise<boolean> => {
    findings = await examine(host, pid)
    return findings.length === 0 || findings.some(({ passes }) => !passes)
  }
  await holdsWithin(isDecided, { limit: PATIENCE })
  if (findings.length > 0) throw notDumpable(name, pid, findings)
}

async function examine(host: Host, pid: number): Promise<Finding[]> {
  const tree = await processTree(host, pid)
  return [...fileFindings(tree), ...(await socketFindings(host, tree))]
}

/** Each once, below each other as the message has its parts. */
const lines = (texts: readonly string[]): string => [...new Set(texts)].join('\n            ')

function notDumpable(name: string, pid: number, findings: readonly Finding[]): CriuBenchError {
  return new CriuBenchError({
    failed: `cannot dump the ${name} handler (pid ${pid}) so that it comes back in a container`,
    found: lines(findings.map(({ what }) => what)),
    expected: 'a process with nothing but its own files, sockets that listen, and memory',
    fix: lines(findings.map(({ fix }) => fix)),
  })
}
