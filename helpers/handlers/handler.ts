import { join } from 'node:path'
import { findByName } from '../find-by-name.ts'
import { compile } from '../programs/compile.ts'
import { fixture, WORK } from '../installation/paths.ts'
import type { Bytes } from '../units.ts'
import { hasOwnNetwork, parseHandler, type Handler, type HandlerDefinition, type Site } from './definition.ts'

/**
 * The handler's own files, at the same paths on the host and in the container, since CRIU opens them again by path:
 * the lock byte it waits on, the report it appends JSON lines to, the log that its standard output is, the FIFO that
 * its standard input is where it reads from it.
 */
export const HANDLER_FOLDER = join(WORK, 'handler')
export const handlerFiles = (folder: string) => ({
  lock: join(folder, 'lock'),
  report: join(folder, 'report'),
  log: join(folder, 'log'),
  stdin: join(folder, 'stdin'),
})

/** Tells a program of ours, such as `checkpointHere`, where it finds lock and report. */
const FOLDER_VARIABLE = 'CRIU_HANDLER_FOLDER'

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

/** What a handler has in its environment: its own variables, and where its folder is. */
export const environmentOf = ({ env }: Handler, folder: string): Record<string, string> => ({
  ...env,
  [FOLDER_VARIABLE]: folder,
})

/** A program that takes SIZE LOCK REPORT at its end, and reports by itself when it is ready and done. */
export const reporting = (name: string, program: () => Promise<readonly string[]>): Handler =>
  parseHandler({
    name,
    command: async ({ size, lock, report }) => [...(await program()), String(size), lock, report],
    ready: 'report',
    trigger: 'lock',
    done: 'report',
  })

/** The reference's own handler, and so the default: builds a string of SIZE bytes, runs by slicing it. */
const python = reporting('python', async () =>
  // Isolated and without site: the fewer files a process maps, the fewer its restore needs.
  ['/usr/bin/python3', '-I', '-S', fixture('handlers/python-handler.py')],
)

/** Reads one word of every page: what restoring memory costs, with next to nothing else. */
const native = reporting('native', async () => [await compile(fixture('handlers/native-handler.c'))])

/** Servers of each language's own kind: what counts is the first response. */
const PORT = '8080'
const page = `http://127.0.0.1:${PORT}/`

const pythonHttp = parseHandler({
  name: 'python-http',
  command: ['/usr/bin/python3', '-I', fixture('handlers/http-server.py'), PORT],
  memory: '64MB',
  ready: { socket: `127.0.0.1:${PORT}` },
  trigger: { request: page },
  done: 'response',
})

const nodeHttp = parseHandler({
  name: 'node-http',
  command: [process.execPath, fixture('handlers/http-server.mjs'), PORT],
  memory: '256MB',
  // libuv opens one for its event loop, and a kernel does not let it be handed over to CRIU.
  withoutIoUring: true,
  ready: { socket: `127.0.0.1:${PORT}` },
  trigger: { request: page },
  done: 'response',
})

const HANDLERS = new Map([python, native, pythonHttp, nodeHttp].map((handler) => [handler.name, handler]))

/**
 * A function of your own to checkpoint: any command, with what shows that it is ready to be dumped, what sets it off,
 * and what shows that it is done. Throws CriuBenchError for what it cannot use.
 *
 *     export const hello = defineHandler({
 *       name: 'hello',
 *       command: [process.execPath, '/srv/hello/server.js'],
 *       memory: '128MB',
 *       withoutIoUring: true,
 *       ready: { socket: '127.0.0.1:8080' },
 *       trigger: { request: 'http://127.0.0.1:8080/' },
 *       done: 'response',
 *     })
 */
export function defineHandler(definition: HandlerDefinition): Handler {
  const handler = parseHandler(definition)
  HANDLERS.set(handler.name, handler)
  return handler
}

/** The handler of that name, of ours and of those defined in this file; throws CriuBenchError that lists them. */
export const handlerNamed = (name: string): Handler =>
  findByName([...HANDLERS.values()], name, { kind: 'handler', fix: 'VITEST_CRIU_HANDLER=python' })

/** Whether it tells itself when its run began and ended; else the end alone is known, as it is seen from outside. */
export const reportsItself = ({ done }: Handler): boolean => done === 'report'

/** Whether something has to set it off, or to see that it is done, while it is brought back. */
export const isObserved = ({ done, trigger }: Handler): boolean =>
  done !== 'report' || (trigger !== 'lock' && !('file' in trigger))

export const siteOf = (size: Bytes, folder: string): Site => ({ size, folder, ...handlerFiles(folder) })

/** Where the command line is for: the machine, or a container, which has a network of its own already. */
export type CommandTarget = 'host' | 'container'

/** The command line that starts `handler` with `size` bytes on the files of `folder`. */
export async function commandLine(
  handler: Handler,
  size: Bytes,
  folder: string,
  target: CommandTarget = 'host',
): Promise<string[]> {
  const { command, cwd, trigger, withoutIoUring } = handler
  const site = siteOf(size, folder)
  const own = typeof command === 'function' ? await command(site) : command
  const options = [
    ...(hasOwnNetwork(handler) && target === 'host' ? ['--network'] : []),
    ...(withoutIoUring ? ['--without-io-uring'] : []),
    ...(cwd === '/' ? [] : ['--cwd', cwd]),
    ...(typeof trigger === 'object' && 'stdin' in trigger ? ['--stdin', handlerFiles(folder).stdin] : []),
    ...(target === 'container' && isObserved(handler) ? ['--log', site.log] : []),
  ]
  // On the host it closes what this process has open, besides its options.
  if (options.length === 0 && target === 'container') return [...own]
  return [await compile(fixture('programs/start-handler.c')), ...options, '--', ...own]
}
