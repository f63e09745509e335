import { BUILT_IN_HANDLERS } from '../config/names.ts'
import { CriuBenchError } from '../errors.ts'
import { parseHandler, type Handler, type HandlerDefinition } from './definition.ts'

/** The handlers of `defineHandler`, by name. */
export const DEFINED = new Map<string, Handler>()

/**
 * Defines a function of your own to checkpoint: any command, with what shows that it is ready to be dumped, what triggers
 * it, and what shows that it is done. Throws CriuBenchError for a definition that it cannot use, and for a name that is taken.
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
  if (isBuiltIn(handler.name) || DEFINED.has(handler.name)) throw nameTaken(handler)
  DEFINED.set(handler.name, handler)
  return handler
}

const isBuiltIn = (name: string): boolean => BUILT_IN_HANDLERS.some((each) => each === name)

const nameTaken = ({ name }: Handler): CriuBenchError =>
  new CriuBenchError({
    failed: `cannot define the handler "${name}"`,
    found: isBuiltIn(name)
      ? 'the name of a handler that vitest-criu has'
      : 'a second definition with this name',
    expected: 'a name of its own: titles, results and baselines tell handlers apart by it',
    fix: 'give it another name, or define it once in a module that others import',
  })
