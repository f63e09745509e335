import { parseHandler, type Handler, type HandlerDefinition } from './definition.ts'

/** The handlers of `defineHandler`, by name. */
export const DEFINED = new Map<string, Handler>()

/**
 * Defines a function of your own to checkpoint: any command, with what shows that it is ready to be dumped, what triggers
 * it, and what shows that it is done. Throws CriuBenchError for a definition that it cannot use.
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
  DEFINED.set(handler.name, handler)
  return handler
}
