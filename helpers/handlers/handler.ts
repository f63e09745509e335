import { dirname, join } from 'node:path'
import { findByName } from '../find-by-name.ts'
import { compile } from '../programs/compile.ts'
import { fixture, WORK } from '../installation/paths.ts'
import type { Bytes } from '../units.ts'
import { DEFINED } from './defined.ts'
import { answers, parseHandler, type Handler, type Site } from './definition.ts'

/**
 * The handler's own files, at the same paths on the host and in the container, because CRIU opens them by path: the lock
 * byte that it waits for, the report that it appends JSON lines to, the log with its standard output, and the FIFO of its
 * standard input.
 */
export const HANDLER_FOLDER = join(WORK, 'handler')
/** What is written about one run beside the handler's folder: logs and statistics of CRIU, reports of the observer. */
export const RUN_FOLDER = join(WORK, 'run')
export const runFolderOf = (handlerFolder: string): string => join(dirname(handlerFolder), 'run')
export const handlerFiles = (folder: string) => ({
  lock: join(folder, 'lock'),
  report: join(folder, 'report'),
  log: join(folder, 'log'),
  stdin: join(folder, 'stdin'),
})

/** The byte in the lock: the handler waits (0), runs (1), or runs after the nanoseconds in the file `lock.delay` (D). */
export type LockByte = '0' | '1' | 'D'

/** The variable by which `checkpointHere` and the Python module find lock and report. */
export const FOLDER_VARIABLE = 'CRIU_HANDLER_FOLDER'

/** Variables that every handler has, in a container and before its dump. */
const COMMON_ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
}

/** A handler's whole environment on the host: nothing of this process is dumped with it. */
export const hostEnvironment = (handler: Handler, folder: string): string[] =>
  Object.entries({ ...COMMON_ENVIRONMENT, ...environmentOf(handler, folder) }).map(
    ([name, value]) => `${name}=${value}`,
  )

/** A handler's environment: its own variables, and the path of its folder. */
export const environmentOf = ({ env }: Handler, folder: string): Record<string, string> => ({
  ...env,
  [FOLDER_VARIABLE]: folder,
})

/** A handler with the arguments SIZE LOCK REPORT and `more`, which reports by itself when it is ready and done. */
export const reporting = (
  name: string,
  program: () => Promise<readonly string[]>,
  more: readonly string[] = [],
): Handler =>
  parseHandler({
    name,
    command: async ({ size, lock, report }) => [...(await program()), String(size), lock, report, ...more],
    ready: 'report',
    trigger: 'lock',
    done: 'report',
    // It uses no network, and writes to its own folder only. As in the reference, its container does not pay for more.
    network: false,
    readOnly: true,
  })

/** The reference's handler, and the default: it builds a string of SIZE bytes, and slices it when it runs. */
const python = reporting('python', async () =>
  // Isolated and without site: the process maps fewer files, and the restore needs fewer.
  ['/usr/bin/python3', '-I', '-S', fixture('handlers/python-handler.py')],
)

/** Reads one word of every page: measures the restored memory, and next to nothing else. */
const native = reporting('native', async () => [await compile(fixture('handlers/native-handler.c'))])

/** HTTP servers of each language's standard library: what is measured is the first response. */
const PORT = '8080'
const page = `http://127.0.0.1:${PORT}/`

const pythonHttp = parseHandler({
  name: 'python-http',
  command: ['/usr/bin/python3', '-I', fixture('handlers/http-server.py'), PORT],
  memory: '64MB',
  readOnly: true,
  ready: { socket: `127.0.0.1:${PORT}` },
  trigger: { request: page },
  done: 'response',
})

const nodeHttp = parseHandler({
  name: 'node-http',
  command: [process.execPath, fixture('handlers/http-server.mjs'), PORT],
  memory: '256MB',
  readOnly: true,
  // libuv opens an io_uring for its event loop, and CRIU cannot dump one.
  withoutIoUring: true,
  ready: { socket: `127.0.0.1:${PORT}` },
  trigger: { request: page },
  done: 'response',
})

export const BUILT_IN: readonly Handler[] = [python, native, pythonHttp, nodeHttp]

/** The built-in handler, or the one defined by `defineHandler`, of that name. Throws CriuBenchError that lists them. */
export const handlerNamed = (name: string): Handler =>
  findByName([...DEFINED.values(), ...BUILT_IN], name, { kind: 'handler', fix: 'VITEST_CRIU_HANDLER=python' })

/** Whether the handler reports the start and the end of its run; otherwise only its end is known, as seen from outside. */
export const reportsItself = ({ done }: Handler): boolean => done === 'report'

/** Whether a process runs before the dump and again afterwards: it answers requests, or reports its first run. */
export const runsTwice = ({ ready, trigger, done, warmups = 1 }: Handler): boolean =>
  (answers({ done }) && warmups > 0) || (ready === 'report' && trigger === 'lock' && done === 'report')

/** Whether the observer must trigger the handler, or see that it is done, during a restore. */
export const isObserved = ({ done, trigger }: Handler): boolean =>
  done !== 'report' || (trigger !== 'lock' && !('file' in trigger))

const siteOf = (size: Bytes, folder: string): Site => ({ size, folder, ...handlerFiles(folder) })

/** Where a command line runs: on the host, or in a container, which has a network of its own already. */
export type CommandTarget = 'host' | 'container'

/** The command line that starts `handler` with `size` bytes and the files in `folder`. */
export async function commandLine(
  handler: Handler,
  size: Bytes,
  folder: string,
  target: CommandTarget = 'host',
): Promise<string[]> {
  const { command, cwd, privileged, trigger, withoutIoUring } = handler
  const site = siteOf(size, folder)
  const own = typeof command === 'function' ? await command(site) : command
  const options = [
    ...(target === 'host' ? ['--ipc'] : []),
    // The launcher confines what it starts in a container.
    ...(target === 'host' && !privileged ? ['--confined'] : []),
    ...(handler.network && target === 'host' ? ['--network'] : []),
    ...(withoutIoUring ? ['--without-io-uring'] : []),
    ...(cwd === '/' ? [] : ['--cwd', cwd]),
    ...(typeof trigger === 'object' && 'stdin' in trigger ? ['--stdin', handlerFiles(folder).stdin] : []),
    ...(target === 'container' && isObserved(handler) ? ['--log', site.log] : []),
  ]
  // On the host it also closes the descriptors that this process has open.
  if (options.length === 0 && target === 'container') return [...own]
  return [await compile(fixture('programs/start-handler.c')), ...options, '--', ...own]
}
