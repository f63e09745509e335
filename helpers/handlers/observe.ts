import { readFile, writeFile } from 'node:fs/promises'
import { constants } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { compile } from '../programs/compile.ts'
import { CriuBenchError } from '../errors.ts'
import { hostPath, type Host } from '../host/host.ts'
import { fixture } from '../installation/paths.ts'
import { run } from '../process/process.ts'
import { isRequest, isSent, type Handler, type Request, type Sent } from './definition.ts'
import { handlerFiles, runFolderOf } from './handler.ts'

/** The native program that triggers a handler and sees when it is done, by the launcher's clock: fixtures/programs/observe. */
export const observer = (): Promise<string> => compile(fixture('programs/observe'))

/** Paths in the run folder beside a handler's folder. */
const reportIn = (folder: string): string => join(runFolderOf(folder), 'observed')
const payloadIn = (folder: string): string => join(runFolderOf(folder), 'payload')
/** What an HTTP server answered to the request, with its head. */
export const answerIn = (folder: string): string => `${reportIn(folder)}.answer`
export const secondAnswerIn = (folder: string): string => `${reportIn(folder)}.again`
/** This process writes it when a `done` function returns true; the observer waits for it. */
export const seenFile = (folder: string): string => join(runFolderOf(folder), 'seen')
/** This process writes it when the handler is ready, if the observer has to wait for that. */
export const readyFile = (folder: string): string => join(runFolderOf(folder), 'ready')

const moment = z.string().regex(/^\d+$/).transform(BigInt)
const Report = z.object({
  version: z.literal(2),
  handlerEnded: moment,
  /** The second call, if there was one. */
  calledAgain: moment.optional(),
  answeredAgain: moment.optional(),
})
type Observed = Omit<z.infer<typeof Report>, 'version'>

const inFolder = (folder: string, address: string): string =>
  address.includes(':') ? address.replace('localhost', '127.0.0.1') : join(folder, address)

/** HTTP/1.0: the answer is not chunked, and ends with its connection. */
async function requestBytes({ request, method, headers, body }: Request): Promise<Buffer> {
  const url = new URL(request)
  const content = typeof body === 'string' ? Buffer.from(body) : await readFile(body.file)
  const all = new Map([['host', `Host: ${url.host}`], ['connection', 'Connection: close']]) // prettier-ignore
  if (content.length > 0) {
    all.set('content-type', 'Content-Type: application/octet-stream')
    all.set('content-length', `Content-Length: ${content.length}`)
  }
  for (const [name, value] of Object.entries(headers)) all.set(name.toLowerCase(), `${name}: ${value}`)
  const head = [`${method} ${url.pathname}${url.search} HTTP/1.0`, ...all.values()]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), content])
}

/** Writes what the observer sends to the handler. `folder` is the handler's folder, as this process sees it. */
export async function writePayload({ trigger }: Handler, folder: string): Promise<void> {
  if (typeof trigger !== 'object') return
  if ('request' in trigger) await writeFile(payloadIn(folder), await requestBytes(trigger))
  if ('stdin' in trigger) await writeFile(payloadIn(folder), trigger.stdin)
  if ('send' in trigger) await writeFile(payloadIn(folder), trigger.send)
}

/** The address that the trigger is sent to. */
function peerOf(trigger: Request | Sent): string {
  if ('send' in trigger) return trigger.to
  const url = new URL(trigger.request)
  return trigger.socket ?? `${url.hostname}:${url.port || 80}`
}

function triggerOptions({ trigger }: Handler, folder: string): string[] {
  if (typeof trigger === 'string') return []
  if ('file' in trigger) return ['--create', join(folder, trigger.file)]
  if ('signal' in trigger) return ['--signal', String(constants.signals[trigger.signal])]
  if ('stdin' in trigger) return ['--write', `${handlerFiles(folder).stdin}=${payloadIn(folder)}`]
  return ['--request', `${inFolder(folder, peerOf(trigger))}=${payloadIn(folder)}`]
}

function doneOptions({ done }: Handler, folder: string): string[] {
  if (typeof done === 'function') return ['--file', seenFile(folder)]
  if (done === 'response') return ['--answer']
  // A handler that reports by itself has reported by its end.
  if (done === 'exit' || done === 'report') return ['--exit']
  if ('received' in done) return ['--received', done.received]
  if ('line' in done) return ['--line', `${handlerFiles(folder).log}=${done.line}`]
  return 'file' in done ? ['--file', join(folder, done.file)] : ['--socket', inFolder(folder, done.socket)]
}

export interface Observation {
  /** The command that starts or restores the handler. */
  readonly command: readonly string[]
  readonly folder: string
  /** Whether the handler outlives the command. */
  readonly leaves: boolean
  /** The pid of a restored handler. Default: the pid of the command. */
  readonly pid?: number | undefined
  /** Whether the trigger waits for `readyFile`. */
  readonly afterReady?: boolean
  /** Whether it is called once more when it is done. */
  readonly again?: boolean
  /** Milliseconds. */
  readonly limit: number
}

/** The command line that runs a command and sees when the handler is done. */
export async function observed(handler: Handler, on: Observation): Promise<string[]> {
  const { command, folder, leaves, pid, limit, afterReady, again } = on
  // prettier-ignore
  return [await observer(), '--limit', String(Math.floor(limit)), ...(leaves ? ['--await'] : []), ...(again ? ['--again'] : []),
    ...(pid === undefined ? [] : ['--handler', String(pid)]), ...(afterReady ? ['--after', readyFile(folder)] : []),
    ...triggerOptions(handler, folder), ...doneOptions(handler, folder), reportIn(folder), '--', ...command]
}

/** When the observer saw that the handler was done, and the times of the second call; undefined if it was not done. */
export async function observedPoints(folder: string): Promise<Observed | undefined> {
  const content = await readFile(reportIn(folder), 'utf8').catch(() => undefined)
  if (content === undefined) return undefined
  const { version: _, ...points } = Report.parse(JSON.parse(content))
  return points
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

/** What the observer says of the handler, such as that it was not done. */
export const saidIn = (stderr: string): string | undefined => /^observe: (?:found )?(.+)$/m.exec(stderr)?.[1]

/** How the handler ended, by the observer's exit status: 128 + signal when a signal ended it. */
export function endOf(status: number): string {
  if (status === 0) return 'it ended'
  const signal = Object.entries(constants.signals).find(([, number]) => number === status - 128)?.[0]
  return signal === undefined ? `it ended with exit status ${status}` : `${signal} ended it`
}

/** The same, by what the observer says; undefined if the handler did not fail. */
export function endSaidIn(stderr: string): string | undefined {
  const [, signal, status] =
    /^observe: (?:signal (\d+)|process \d+ ended with status (\d+))/m.exec(stderr) ?? []
  if (signal !== undefined) return endOf(128 + Number(signal))
  return status === undefined ? undefined : endOf(Number(status))
}

/** Sends a running handler its request once, as every restored one will get it. Throws CriuBenchError. */
export async function askOnce(host: Host, handler: Handler, folder: string, limit: number): Promise<void> {
  const { name, trigger } = handler
  if (!isRequest(trigger) && !isSent(trigger)) return
  const failed = `the ${name} handler did not answer ${isRequest(trigger) ? trigger.request : `at ${trigger.to}`}`
  const fix = 'send the request by hand, and look at the output of the handler below'
  const { exitCode, stderr } = await run(host, {
    // prettier-ignore
    argv: [await observer(), '--limit', String(limit), ...triggerOptions(handler, folder), ...doneOptions(handler, folder), reportIn(folder)],
    failed,
    fix,
    timeout: limit + 5000,
    accept: [0, 1],
  })
  if (exitCode === 0) return
  const log = await readFile(handlerFiles(hostPath(host, folder)).log, 'utf8').catch(() => '')
  const expected = isRequest(trigger) ? 'an HTTP answer' : 'an answer as `done` says'
  throw new CriuBenchError({ failed, found: saidIn(stderr) ?? stderr, expected, fix, log })
}
