import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { CriuBenchError } from '../errors.ts'
import { seenFrom, type Host } from '../system/host.ts'
import { startTimeOf } from '../system/pids.ts'
import { run } from '../system/process.ts'
import { MB, type Bytes } from '../units.ts'
import { commandLine, HANDLER_FOLDER, handlerFiles, type Handler } from './handler.ts'
import { readReport, readyIn } from './report.ts'

/** A handler that has run once and waits on its lock: what a dump is taken of. */
export interface WaitingHandler extends AsyncDisposable {
  /** Its pid, as its host sees it. */
  readonly pid: number
  readonly name: string
  readonly size: Bytes
  /** Checksum of what it touched before the dump: a restored one must give the same. */
  readonly checksum: string
}

const POLL = 5
/** A handler builds and touches its memory first: at least 20 MB a second, on any machine. */
const readyLimit = (size: Bytes): number => 30_000 + (size / (20 * MB)) * 1000

/**
 * Starts a handler on `host` in its own session with its lock at 0, and waits until it says it is ready. It inherits
 * no descriptor: CRIU refuses a process with a file from outside its mount namespace.
 */
export async function startHandler(
  host: Host,
  handler: Handler,
  size: Bytes,
  limit = readyLimit(size),
): Promise<WaitingHandler> {
  const folder = seenFrom(host, HANDLER_FOLDER)
  await rm(folder, { recursive: true, force: true })
  await layOut(folder, '0')
  const { log } = handlerFiles(HANDLER_FOLDER)
  const { stdout } = await run(host, {
    argv: ['sh', '-c', 'cd /; log=$1; shift; setsid "$@" <&- </dev/null >>"$log" 2>&1 & echo $!', 'sh', log,
      ...(await commandLine(handler, size, HANDLER_FOLDER))], // prettier-ignore
    failed: `cannot start the ${handler.name} handler`,
    mend: 'run the command by hand and look',
    timeout: 10_000,
  })
  const pid = Number(stdout.trim())
  const started = await startTimeOf(pid, host)
  const stop = () => kill(host, pid, started)
  try {
    const checksum = await untilReady(host, { pid, handler, size, limit })
    return { pid, name: handler.name, size, checksum, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** A folder with a handler's own files: the lock at `lock`, report and log empty. */
export async function layOut(folder: string, lock: '0' | '1'): Promise<void> {
  await mkdir(folder, { recursive: true })
  const files = handlerFiles(folder)
  await writeFile(files.lock, lock)
  await writeFile(files.report, '')
  await writeFile(files.log, '')
}

interface Starting {
  readonly pid: number
  readonly handler: Handler
  readonly size: Bytes
  /** Milliseconds. */
  readonly limit: number
}

async function untilReady(host: Host, { pid, handler, size, limit }: Starting): Promise<string> {
  const files = handlerFiles(seenFrom(host, HANDLER_FOLDER))
  const deadline = performance.now() + limit
  for (;;) {
    // Asked before the report is read: a handler that ends in between has written all it will.
    const alive = (await startTimeOf(pid, host)) !== undefined
    const ready = readyIn(await readReport(files.report))
    if (ready) return ready.checksum
    if (!alive || performance.now() > deadline) {
      throw new CriuBenchError({
        failed: `the ${handler.name} handler did not get ready (pid ${pid}, ${size} bytes)`,
        found: alive ? `no word from it after ${limit / 1000} s` : 'that it had ended',
        expected: `a line {"event":"ready",…} in ${handlerFiles(HANDLER_FOLDER).report}`,
        mend: 'run its command by hand; it needs about three times its size in memory',
        log: await readFile(files.log, 'utf8').catch(() => ''),
      })
    }
    await delay(POLL)
  }
}

/** Ends the process, unless it has ended (as a dump ends it) and its pid is another's by now. */
async function kill(host: Host, pid: number, started: string | undefined): Promise<void> {
  if (started === undefined || (await startTimeOf(pid, host)) !== started) return
  await run(host, {
    argv: ['sh', '-c', 'kill -KILL "$1" 2>/dev/null || true', 'sh', String(pid)],
    failed: `cannot end the handler ${pid}`,
    mend: `kill ${pid}`,
    timeout: 5000,
  })
}
