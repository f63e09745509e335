import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CriuBenchError } from '../errors.ts'
import { hostPath, type Host } from '../host/host.ts'
import { startTimeOf } from '../proc/stat.ts'
import { waitFor } from '../process/wait.ts'
import type { Bytes } from '../units.ts'
import type { Handler } from './definition.ts'
import { HANDLER_FOLDER, handlerFiles } from './handler.ts'
import { untilAccepted } from './observe.ts'
import { readReport, readyIn } from './report.ts'

export interface Starting {
  readonly pid: number
  readonly handler: Handler
  readonly size: Bytes
  /** Milliseconds. */
  readonly limit: number
}

/** Waits until a started handler can be dumped. Throws CriuBenchError when it ends before, or at the limit. */
export async function untilReady(host: Host, starting: Starting): Promise<void> {
  const { pid, handler, size } = starting
  const { ready } = handler
  const limit = (typeof ready === 'object' ? ready.within : undefined) ?? starting.limit
  const { log } = handlerFiles(hostPath(host, HANDLER_FOLDER))
  const facts = {
    failed: `the ${handler.name} handler did not get ready (pid ${pid}, ${size} bytes)`,
    expected: expectation(handler),
    fix: 'run its command by hand; it needs about three times its size in memory',
  }
  const output = (): Promise<string> => readFile(log, 'utf8').catch(() => '')
  const isReadyOrThrows = async (): Promise<boolean> => {
    // Before the look: a handler that ends in between has written everything by then.
    const alive = (await startTimeOf(pid, host)) !== undefined
    if (await isReady(host, handler)) return true
    if (!alive) throw new CriuBenchError({ ...facts, found: 'the handler ended', log: await output() })
    return false
  }
  await waitFor(isReadyOrThrows, { ...facts, limit, found: 'the handler runs and is not ready', log: output })
}

/** Looks once, for a fraction of a second at most. */
async function isReady(host: Host, { ready }: Handler): Promise<boolean> {
  const folder = hostPath(host, HANDLER_FOLDER)
  const files = handlerFiles(folder)
  if (typeof ready === 'function') return ready({ folder })
  if (ready === 'report') return readyIn(await readReport(files.report)) !== undefined
  if ('file' in ready) return existsSync(join(folder, ready.file))
  if ('socket' in ready) return untilAccepted(host, ready.socket, HANDLER_FOLDER, ACCEPT)
  const log = await readFile(files.log, 'utf8').catch(() => '')
  const { line } = ready
  // The part after the last newline is incomplete.
  const lines = log.split('\n').slice(0, -1)
  return lines.some((each) => (typeof line === 'string' ? each.includes(line) : line.test(each)))
}

/** Milliseconds that one look waits for a socket. */
const ACCEPT = 200

function expectation({ ready }: Handler): string {
  if (typeof ready === 'function') return 'the function `ready` to return true'
  if (ready === 'report') return `a line {"event":"ready",…} in ${handlerFiles(HANDLER_FOLDER).report}`
  if ('file' in ready) return `the file ${join(HANDLER_FOLDER, ready.file)}`
  if ('socket' in ready) return `a socket that accepts at ${ready.socket}`
  return `a line with ${String(ready.line)} on its standard output`
}
