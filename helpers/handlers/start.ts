import { mkdir, readlink, rm, writeFile } from 'node:fs/promises'
import { hostPath, type Host } from '../host/host.ts'
import { startTimeOf } from '../proc/stat.ts'
import { waitFor } from '../process/wait.ts'
import { run } from '../process/process.ts'
import { MB, type Bytes } from '../units.ts'
import { hasOwnNetwork, type Handler } from './definition.ts'
import { commandLine, HANDLER_FOLDER, handlerFiles, hostEnvironment } from './handler.ts'
import { askOnce, checksumOf } from './observe.ts'
import { checkDumpable } from './preflight/index.ts'
import { untilReady } from './ready.ts'
import { readReport, readyIn } from './report.ts'

/** A handler that has run once and waits to be set off: what a dump is taken of. */
export interface WaitingHandler extends AsyncDisposable {
  /** Its pid, as its host sees it. */
  readonly pid: number
  readonly name: string
  readonly size: Bytes
  /** Checksum of what it touched before the dump: a restored one must give the same. */
  readonly checksum: string
  /** Where it runs: its host, in its own network where it has one. CRIU is to run there as well. */
  readonly host: Host
}

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
  const folder = hostPath(host, HANDLER_FOLDER)
  await rm(folder, { recursive: true, force: true })
  await layOut(folder, '0')
  const { log } = handlerFiles(HANDLER_FOLDER)
  const { stdout } = await run(host, {
    argv: ['sh', '-c', 'cd /; log=$1; shift; setsid "$@" <&- </dev/null >>"$log" 2>&1 & echo $!', 'sh', log,
      'env', '--ignore-environment', ...hostEnvironment(handler, HANDLER_FOLDER), ...(await commandLine(handler, size, HANDLER_FOLDER))], // prettier-ignore
    failed: `cannot start the ${handler.name} handler`,
    fix: 'run the command by hand and look',
    timeout: 10_000,
  })
  const pid = Number(stdout.trim())
  const started = await startTimeOf(pid, host)
  const stop = () => kill(host, pid, started)
  try {
    const inside = hasOwnNetwork(handler) ? await networkOf(host, pid) : host
    await untilReady(inside, { pid, handler, size, limit })
    await askOnce(inside, handler, HANDLER_FOLDER, limit)
    const checksum = await firstChecksum(handler, folder)
    await checkDumpable(inside, { name: handler.name, pid })
    return { pid, name: handler.name, size, checksum, host: inside, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** A folder with a handler's own files: the lock at `lock`, report and log empty. */
export async function layOut(folder: string, lock: '0' | '1' | 'D'): Promise<void> {
  await mkdir(folder, { recursive: true })
  const files = handlerFiles(folder)
  await writeFile(files.lock, lock)
  await writeFile(files.report, '')
  await writeFile(files.log, '')
}

async function firstChecksum(handler: Handler, folder: string): Promise<string> {
  if (handler.ready !== 'report') return checksumOf(handler, folder)
  const ready = readyIn(await readReport(handlerFiles(folder).report))
  return ready?.checksum ?? 'none'
}

/** Milliseconds that a handler has to enter a network namespace of its own: the first thing that it does. */
const NETWORK_LIMIT = 10_000

/**
 * `host`, in the network of the process `pid`, once that one has left the host's own. Of a process that has ended it is
 * `host` itself: `untilReady` tells of the end. Throws CriuBenchError at the limit.
 */
export async function networkOf(host: Host, pid: number, limit = NETWORK_LIMIT): Promise<Host> {
  const failed = `cannot give the handler ${pid} a network of its own`
  const fix = 'the kernel needs CONFIG_NET_NS; or `network: false` in defineHandler({ … })'
  // The host's, which may differ from that of this process: each of two hosts has its own.
  const { stdout } = await run(host, { argv: ['readlink', '/proc/self/ns/net'], failed, fix, timeout: 10_000 }) // prettier-ignore
  let inner: string | undefined
  const hasLeft = async (): Promise<boolean> => {
    inner = await readlink(hostPath(host, `/proc/${pid}/ns/net`)).catch(() => undefined)
    return inner !== stdout.trim()
  }
  const [found, expected] = ["the network of the handler's host", 'a network namespace of its own']
  await waitFor(hasLeft, { failed, found, expected, fix, limit, interval: 1 })
  if (inner === undefined) return host
  return {
    ...host,
    namespacePrefix: [...host.namespacePrefix, 'nsenter', '--target', String(pid), '--net', '--'],
  }
}

/** Milliseconds. */
const END_LIMIT = 5000

/** Ends the process, unless it has ended (as a dump ends it) and its pid is another's by now. */
async function kill(host: Host, pid: number, started: string | undefined): Promise<void> {
  if (started === undefined || (await startTimeOf(pid, host)) !== started) return
  await run(host, {
    argv: ['sh', '-c', 'kill -KILL "$1" 2>/dev/null || true', 'sh', String(pid)],
    failed: `cannot end the handler ${pid}`,
    fix: `kill ${pid}`,
    timeout: END_LIMIT,
  })
  // Killed is not ended yet: what it had, such as its port, goes with its end.
  await waitFor(async () => (await startTimeOf(pid, host)) !== started, {
    failed: `cannot end the handler ${pid}`,
    found: 'a killed process that still waits in the kernel',
    expected: 'its end',
    fix: `look at what it waits for: /proc/${pid}/stack`,
    limit: END_LIMIT,
    interval: 1,
  })
}
