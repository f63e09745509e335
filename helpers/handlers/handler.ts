import { join } from 'node:path'
import { named } from '../named.ts'
import { compile } from '../system/compile.ts'
import { fixture, WORK } from '../system/paths.ts'
import type { Bytes } from '../units.ts'

/** The function that is checkpointed: how its process is started. */
export interface Handler {
  readonly name: string
  /** Program and arguments before those that every handler takes: SIZE LOCK REPORT. */
  command(): Promise<readonly string[]>
}

/**
 * The handler's own files, at the same paths on the host and in the container, since CRIU opens them again by path:
 * the lock byte it waits on, the report it appends JSON lines to, the log that its standard output is.
 */
export const HANDLER_FOLDER = join(WORK, 'handler')
export const handlerFiles = (folder: string) => ({
  lock: join(folder, 'lock'),
  report: join(folder, 'report'),
  log: join(folder, 'log'),
})

/** The reference's own handler, and so the default: builds a string of SIZE bytes, runs by slicing it. */
const python: Handler = {
  name: 'python',
  // Isolated and without site: the fewer files a process maps, the fewer its restore needs.
  command: async () => ['/usr/bin/python3', '-I', '-S', fixture('handlers/python-handler.py')],
}

/** Reads one word of every page: what restoring memory costs, with next to nothing else. */
const native: Handler = {
  name: 'native',
  command: async () => [await compile(fixture('handlers/native-handler.c'))],
}

const HANDLERS: readonly Handler[] = [python, native]

/** The handler of that name; throws CriuBenchError that lists them. */
export const handlerNamed = (name: string): Handler =>
  named(HANDLERS, name, { kind: 'handler', mend: 'VITEST_CRIU_HANDLER=python' })

/** The command line that starts `handler` with `size` bytes on the files of `folder`. */
export async function commandLine(handler: Handler, size: Bytes, folder: string): Promise<string[]> {
  const { lock, report } = handlerFiles(folder)
  return [...(await handler.command()), String(size), lock, report]
}
