import { mkdir, readlink, rm, writeFile } from 'node:fs/promises'
import { hostPath, type Host } from '../host/host.ts'
import { startTimeOf } from '../proc/stat.ts'
import { waitFor } from '../process/wait.ts'
import { run } from '../process/process.ts'
import { MB, type Bytes } from '../units.ts'
import type { Handler } from './definition.ts'
import { commandLine, HANDLER_FOLDER, handlerFiles, hostEnvironment, type LockByte } from './handler.ts'
import { askOnce, checksumOf } from './observe.ts'
import { checkDumpable } from './preflight/index.ts'
import { untilReady } from './ready.ts'
import { readReport, readyIn } from './report.ts'

/** A handler that has run once and waits for its trigger: the process that is dumped. */
export interface WaitingHandler extends AsyncDisposable {
  /** The handler's pid on its host. */
  readonly pid: number
  readonly name: string
  readonly size: Bytes
  /** Checksum of the memory that it touched before the dump: a restored handler must report the same. */
  readonly checksum: string
  /** The host in the handler's own network, where it has one. CRIU must run there as well. */
  readonly host: Host
}

/** Milliseconds. A handler first builds and touches its memory: at least 20 MB a second, on any machine. */
const readyLimit = (size: Bytes): number => 30_000 + (size / (20 * MB)) * 1000

/**
 * Starts a handler on `host` in a session of its own with its lock at 0, and waits until it is ready. It inherits no
 * descriptor: CRIU refuses a process with a file from outside its mount namespace. Throws CriuBenchError.
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
    fix: 'run the command by hand, and look at its output',
    timeout: 10_000,
  })
  const pid = Number(stdout.trim())
  const started = await startTimeOf(pid, host)
  const stop = () => kill(host, pid, started)
  try {
    const inside = handler.network ? await networkOf(host, pid) : host
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

/** Makes a folder with a handler's files: the lock is `lock`, report and log are empty. */
export async function layOut(folder: string, lock: LockByte): Promise<void> {
  await mkdir(folder, { recursive: true })
  const files = handlerFiles(folder)
  await writeNew(files.lock, lock)
  await writeNew(files.report, '')
  await writeNew(files.log, '')
}

/** Replaces what the handler may have put there: a link would lead to another file. */
async function writeNew(file: string, content: string): Promise<void> {
  await rm(file, { force: true })
  await writeFile(file, content, { flag: 'wx' })
}

async function firstChecksum(handler: Handler, folder: string): Promise<string> {
  if (handler.ready !== 'report') return checksumOf(handler, folder)
  const ready = readyIn(await readReport(handlerFiles(folder).report))
  return ready?.checksum ?? 'none'
}

/** Milliseconds. Entering a network namespace is the first thing that a handler's process does. */
const NETWORK_LIMIT = 10_000

/**
 * Waits until the process `pid` has left its host's network, and returns the host in the network of that process. When
 * the process has ended it returns `host`, and `untilReady` reports the end. Throws CriuBenchError at the limit.
 */
export async function networkOf(host: Host, pid: number, limit = NETWORK_LIMIT): Promise<Host> {
  const failed = `cannot give the handler ${pid} a network of its own`
  const fix = 'the kernel needs CONFIG_NET_NS; or `network: false` in defineHandler({ … })'
  // The network of the host, and not that of this process: each of two hosts has its own.
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

/** Ends the process, unless it has ended, as it does by a dump: then its pid may belong to another process. */
async function kill(host: Host, pid: number, started: string | undefined): Promise<void> {
  if (started === undefined || (await startTimeOf(pid, host)) !== started) return
  await run(host, {
    argv: ['sh', '-c', 'kill -KILL "$1" 2>/dev/null || true', 'sh', String(pid)],
    failed: `cannot end the handler ${pid}`,
    fix: `kill ${pid}`,
    timeout: END_LIMIT,
  })
  // A killed process keeps its resources, such as a port, until it has ended.
  await waitFor(async () => (await startTimeOf(pid, host)) !== started, {
    failed: `cannot end the handler ${pid}`,
    found: 'a killed process that still waits in the kernel',
    expected: 'an ended process',
    fix: `look at what it waits for: /proc/${pid}/stack`,
    limit: END_LIMIT,
    interval: 1,
  })
}
