import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { constants } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { CriuBenchError } from '../errors.ts'
import { compile } from '../programs/compile.ts'
import type { Host } from '../host/host.ts'
import { fixture } from '../installation/paths.ts'
import { run } from '../process/process.ts'
import type { Nanoseconds } from '../units.ts'
import { isRequest, type Handler, type Request } from './definition.ts'
import { handlerFiles } from './handler.ts'

/** The native program that triggers a handler and sees when it is done, by the launcher's clock: fixtures/programs/observe. */
export const observer = (): Promise<string> => compile(fixture('programs/observe'))

const reportIn = (folder: string): string => join(folder, 'observed')
/** This process writes it when a `done` function returns true; the observer waits for it. */
export const seenFile = (folder: string): string => join(folder, '.seen')

const Report = z.object({ version: z.literal(2), handlerEnded: z.string().regex(/^\d+$/).transform(BigInt) })

const inFolder = (folder: string, address: string): string =>
  address.includes(':') ? address.replace('localhost', '127.0.0.1') : join(folder, address)

/** HTTP/1.0: the answer is not chunked, and ends with its connection. */
function requestOptions({ request, method, body, socket }: Request, folder: string): string[] {
  const url = new URL(request)
  const head = [
    `${method} ${url.pathname}${url.search} HTTP/1.0`,
    `Host: ${url.host}`,
    'Connection: close',
    ...(body === '' ? [] : ['Content-Type: application/octet-stream', `Content-Length: ${Buffer.byteLength(body)}`]), // prettier-ignore
  ]
  const address = socket ?? `${url.hostname}:${url.port || 80}`
  return ['--request', `${inFolder(folder, address)}=${head.join('\r\n')}\r\n\r\n${body}`]
}

function triggerOptions({ trigger }: Handler, folder: string, pid: number | undefined): string[] {
  if (typeof trigger === 'string' || 'file' in trigger) return []
  if ('signal' in trigger) return ['--signal', `${pid}=${constants.signals[trigger.signal]}`]
  if ('stdin' in trigger) return ['--write', `${handlerFiles(folder).stdin}=${trigger.stdin}`]
  return requestOptions(trigger, folder)
}

function doneOptions({ done }: Handler, folder: string): string[] {
  if (typeof done === 'function') return ['--file', seenFile(folder)]
  if (done === 'response') return ['--answer']
  // A handler that reports by itself has reported by its end.
  if (done === 'exit' || done === 'report') return ['--exit']
  if ('line' in done) return ['--line', `${handlerFiles(folder).log}=${done.line}`]
  return 'file' in done ? ['--file', join(folder, done.file)] : ['--socket', inFolder(folder, done.socket)]
}

export interface Observation {
  /** The command that starts or restores the handler. */
  readonly command: readonly string[]
  readonly folder: string
  /** Whether the handler outlives the command. */
  readonly leaves: boolean
  /** The pid of a restored handler. */
  readonly pid?: number | undefined
  /** Milliseconds. */
  readonly limit: number
}

/** The command line that runs a command and sees when the handler is done. */
export async function observed(handler: Handler, on: Observation): Promise<string[]> {
  const { command, folder, leaves, pid, limit } = on
  // prettier-ignore
  return [await observer(), '--limit', String(Math.floor(limit)), ...(leaves ? ['--await'] : []), ...triggerOptions(handler, folder, pid),
    ...doneOptions(handler, folder), reportIn(folder), '--', ...command]
}

/** When the observer saw that the handler was done; undefined when it did not. */
export async function observedDone(folder: string): Promise<Nanoseconds | undefined> {
  const content = await readFile(reportIn(folder), 'utf8').catch(() => undefined)
  return content === undefined ? undefined : Report.parse(JSON.parse(content)).handlerEnded
}

/** Waits until a socket accepts connections. `host` must be in the handler's network. Returns whether it does by `limit`, ms. */
export async function untilAccepted(
  host: Host,
  address: string,
  folder: string,
  limit: number,
): Promise<boolean> {
  const { exitCode } = await run(host, {
    argv: [
      await observer(),
      '--limit',
      String(limit),
      '--socket',
      inFolder(folder, address),
      reportIn(folder),
    ],
    failed: `cannot wait for ${address}`,
    fix: 'look at the handler’s own output',
    timeout: limit + 5000,
    accept: [0, 1],
  })
  return exitCode === 0
}

/** Sends a running handler its request once, as every restored one will get it. Throws CriuBenchError. */
export async function askOnce(host: Host, handler: Handler, folder: string, limit: number): Promise<void> {
  if (!isRequest(handler.trigger)) return
  await run(host, {
    // prettier-ignore
    argv: [await observer(), '--limit', String(limit), ...requestOptions(handler.trigger, folder), '--answer', reportIn(folder)],
    failed: `the ${handler.name} handler did not answer ${handler.trigger.request}`,
    fix: 'send the request by hand, and look at the output of the handler in its log',
    timeout: limit + 5000,
  })
}

/**
 * What must be the same before the dump and after each restore; "none" for a handler with neither an answer nor a
 * checksum. Throws CriuBenchError when the answer is an HTTP error.
 */
export async function checksumOf(handler: Handler, folder: string): Promise<string> {
  if (!isRequest(handler.trigger)) return handler.checksum?.({ folder, body: '' }) ?? 'none'
  const body = await answerIn(handler, folder)
  if (handler.checksum) return handler.checksum({ folder, body: body.toString() })
  return createHash('sha256').update(body).digest('hex').slice(0, 16)
}

async function answerIn({ name, trigger }: Handler, folder: string): Promise<Buffer> {
  const answer = await readFile(`${reportIn(folder)}.answer`).catch(() => Buffer.of())
  const end = answer.indexOf('\r\n\r\n')
  const [status = ''] = answer.toString('latin1').split('\r\n', 1)
  if (end >= 0 && /^HTTP\/\S+ [23]\d\d/.test(status)) return answer.subarray(end + 4)
  throw new CriuBenchError({
    failed: `cannot use the answer of the ${name} handler`,
    found: status || 'no answer',
    expected: `an HTTP answer with a status below 400 to ${isRequest(trigger) ? trigger.request : ''}`,
    fix: 'correct the request in its trigger, or the handler',
  })
}
