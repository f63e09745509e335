import { mkdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { hostPath, type Host } from '../host/host.ts'
import { startTimeOf } from '../proc/stat.ts'
import { treeOf } from '../proc/tree.ts'
import { run } from '../process/process.ts'
import { waitFor } from '../process/wait.ts'
import type { Handler } from './definition.ts'
import { HANDLER_FOLDER, handlerFiles, hostEnvironment, runFolderOf, type LockByte } from './handler.ts'
import { writePayload } from './observe.ts'

/** A handler's process on a host. Disposing of it ends the process and its descendants. */
export interface RunningHandler extends AsyncDisposable {
  /** The pid on its host. */
  readonly pid: number
  /** A moment before its start, in clock ticks since boot, as /proc/PID/stat has them. */
  readonly startedAfter: string
  /** The host in the handler's own network, where it has one. */
  readonly host: Host
}

/**
 * Starts `argv` with new files for the handler, in a session of its own. It inherits no descriptor: CRIU refuses a process
 * with a file from outside its mount namespace. Throws CriuBenchError.
 */
export async function startProcess(
  host: Host,
  handler: Handler,
  argv: () => Promise<readonly string[]>,
): Promise<RunningHandler> {
  const folder = hostPath(host, HANDLER_FOLDER)
  await rm(folder, { recursive: true, force: true })
  await layOut(handler, folder, '0')
  const { log } = handlerFiles(HANDLER_FOLDER)
  const startedAfter = await ticksSinceBoot()
  const { stdout } = await run(host, {
    argv: ['sh', '-c', 'cd /; log=$1; shift; setsid "$@" <&- </dev/null >>"$log" 2>&1 & echo $!', 'sh', log,
      'env', '--ignore-environment', ...hostEnvironment(handler, HANDLER_FOLDER), ...(await argv())], // prettier-ignore
    failed: `cannot start the ${handler.name} handler`,
    fix: 'run the command by hand, and look at its output',
    timeout: 10_000,
  })
  const pid = Number(stdout.trim())
  const started = await startTimeOf(pid, host)
  const stop = () => kill(host, pid, started)
  try {
    const inside = handler.network ? await networkOf(host, pid) : host
    return { pid, startedAfter, host: inside, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The kernel's unit of start times is a hundredth of a second. */
async function ticksSinceBoot(): Promise<string> {
  const [seconds = '0'] = (await readFile('/proc/uptime', 'utf8')).split(' ')
  return String(Math.floor(Number(seconds) * 100))
}

/** Makes a folder with a handler's files: the lock is `lock`, report and log are empty; and a new run folder beside it. */
export async function layOut(handler: Handler, folder: string, lock: LockByte): Promise<void> {
  await mkdir(folder, { recursive: true })
  await rm(runFolderOf(folder), { recursive: true, force: true })
  await mkdir(runFolderOf(folder))
  const files = handlerFiles(folder)
  await writeNew(files.lock, lock)
  await writeNew(files.report, '')
  await writeNew(files.log, '')
  await writePayload(handler, folder)
}

/** Replaces what the handler may have put there: a link would lead to another file. */
export async function writeNew(file: string, content: string): Promise<void> {
  await rm(file, { force: true })
  await writeFile(file, content, { flag: 'wx' })
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
    // Undefined once the process has ended.
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

/**
 * The host from which CRIU dumps the process `pid`. CRIU dumps an IPC namespace other than its own as well, and every restore
 * then makes one, which takes a third of a millisecond. So CRIU joins the namespace of a process without SysV objects.
 */
export async function dumpHostOf(host: Host, pid: number): Promise<Host> {
  const namespacePrefix = [...host.namespacePrefix, 'nsenter', '--target', String(pid), '--ipc', '--']
  const inside = { ...host, namespacePrefix }
  const { stdout } = await run(inside, {
    argv: ['sh', '-c', 'cat /proc/sysvipc/shm /proc/sysvipc/sem /proc/sysvipc/msg'],
    failed: `cannot look at the shared memory of process ${pid}`,
    fix: 'use a kernel with CONFIG_SYSVIPC: CRIU needs it as well',
    timeout: 10_000,
  })
  const HEADS = 3
  return stdout.trimEnd().split('\n').length > HEADS ? host : inside
}

/** Milliseconds. */
const END_LIMIT = 5000

/** Ends the process and its descendants, unless it has ended, as it does by a dump: then its pid may belong to another process. */
async function kill(host: Host, pid: number, started: string | undefined): Promise<void> {
  if (started === undefined || (await startTimeOf(pid, host)) !== started) return
  const tree = await treeOf(pid, host)
  await run(host, {
    argv: ['sh', '-c', 'kill -KILL "$@" 2>/dev/null || true', 'sh', ...tree.map((each) => String(each.pid))],
    failed: `cannot end the handler ${pid}`,
    fix: `kill ${pid}`,
    timeout: END_LIMIT,
  })
  // A killed process keeps its resources, such as a port, until it has ended.
  const isGone = async (): Promise<boolean> => {
    const times = await Promise.all(tree.map((each) => startTimeOf(each.pid, host)))
    return tree.every(({ startTime }, index) => times[index] !== startTime)
  }
  await waitFor(isGone, {
    failed: `cannot end the handler ${pid}`,
    found: 'a killed process that still waits in the kernel',
    expected: 'an ended process',
    fix: `look at what it waits for: /proc/${pid}/stack`,
    limit: END_LIMIT,
    interval: 1,
  })
}
