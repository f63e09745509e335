import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CriuBenchError } from '../errors.ts'
import { hostPath, type Host } from '../host/host.ts'
import { startTimeOf } from '../proc/stat.ts'
import { orphansSince, type LiveStat } from '../proc/tree.ts'
import { holdsWithin, waitFor } from '../process/wait.ts'
import type { Bytes } from '../units.ts'
import type { Handler } from './definition.ts'
import { FOLDER_VARIABLE, HANDLER_FOLDER, handlerFiles } from './handler.ts'
import { untilAccepted } from './observe.ts'
import { readReport, readyIn } from './report.ts'
import type { RunningHandler } from './running.ts'

export interface Starting extends Pick<RunningHandler, 'pid' | 'startedAfter'> {
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

/** Milliseconds in which the children of a process that failed end as well. */
const PATIENCE = 500

/** The result of an action on a handler. If it fails because the handler runs as a daemon, the CriuBenchError says so. */
export async function unlessDaemon<T>(host: Host, starting: Starting, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    await refuseDaemon(host, starting)
    throw error
  }
}

/** Throws CriuBenchError if the handler's first process has ended, and others run on. */
async function refuseDaemon(host: Host, starting: Starting): Promise<void> {
  const { pid, startedAfter: startTime, handler } = starting
  if ((await startTimeOf(pid, host)) !== undefined) return
  let orphans: readonly LiveStat[] = []
  const areGone = async (): Promise<boolean> => {
    orphans = await orphansSince({ pid, startTime }, host, FOLDER_VARIABLE)
    return orphans.length === 0
  }
  if (await holdsWithin(areGone, { limit: PATIENCE })) return
  throw new CriuBenchError({
    failed: `cannot dump the ${handler.name} handler: it runs as a daemon`,
    found: `its first process (pid ${pid}) has ended, and ${orphans.map((each) => `process ${each.pid} (${each.name})`).join(', ')} runs on`,
    expected: 'a program that stays in the foreground: its first process is dumped, with all children',
    fix: `start it in the foreground: nginx -g 'daemon off;', redis-server --daemonize no, memcached without -d, php-fpm --nodaemonize, apache2 -DFOREGROUND, sshd -D, gunicorn without --daemon`,
    log: await readFile(handlerFiles(hostPath(host, HANDLER_FOLDER)).log, 'utf8').catch(() => ''),
  })
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
