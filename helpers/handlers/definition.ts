import { constants } from 'node:os'
import { z } from 'zod'
import { CriuBenchError } from '../errors.ts'
import { size } from '../config/size.ts'
import type { Bytes } from '../units.ts'

/** What a command line is for: one run of the handler, on the host or in a container. */
export interface Site {
  /** Bytes that the handler touches; a handler without sizes has its `memory` here. */
  readonly size: Bytes
  /** The handler's own folder, at the same path on the host and in the container. Its files must be in there. */
  readonly folder: string
  /** Files in that folder: the byte of the trigger "lock", the report of "ready" and "done", the standard output. */
  readonly lock: string
  readonly report: string
  readonly log: string
}

/** The argument of `ready` and `done`: the handler's own folder, by the path that this process has for it. */
export interface HandlerFolder {
  readonly folder: string
}
/** The argument of `checksum`: the folder, and the body of the answer to a request. */
export interface HandlerAnswer extends HandlerFolder {
  readonly body: string
}

type Predicate = (from: HandlerFolder) => boolean | Promise<boolean>

const text = z.string().min(1)
const fn = <T>() => z.custom<T>((value) => typeof value === 'function', { error: 'a function' })
/** A path in the handler's own folder: all other paths belong to the machine before the dump, to the container after it. */
const file = text.refine((path) => !path.startsWith('/') && !path.split('/').includes('..'), {
  error: 'a path below the handler’s own folder, relative to it',
})
const TCP = /^(127\.\d+\.\d+\.\d+|localhost):\d+$/
const address = text.refine((value) => TCP.test(value) || file.safeParse(value).success, {
  error: '127.0.0.1:PORT, or the path of a Unix socket, relative to the handler’s own folder',
})
const url = text.refine((value) => /^http:\/\/(127\.\d+\.\d+\.\d+|localhost)(:\d+)?\//.test(value), {
  error: 'http://127.0.0.1:PORT/…: a container has its own loopback, and nothing else',
})

const Line = z.strictObject({ line: text })
const File = z.strictObject({ file })
const Socket = z.strictObject({ socket: address })
const bytes = z.union([text, z.instanceof(Uint8Array)])
const within = z
  .string()
  .regex(/^\d+(ms|s)$/, 'a time, such as "500ms" or "60s"')
  .transform((value) => Number.parseInt(value, 10) * (value.endsWith('ms') ? 1 : 1000))
  .optional()

/** What shows that the handler can be dumped. */
const Ready = z.union([
  z.literal('report'),
  z.strictObject({ line: z.union([text, z.instanceof(RegExp)]), within }),
  File.extend({ within }),
  Socket.extend({ within }),
  fn<Predicate>(),
])
/** What makes the handler run: once before the dump, and again after each restore. */
const Trigger = z.union([
  z.literal('lock'),
  z.strictObject({ signal: z.custom<NodeJS.Signals>((name) => typeof name === 'string' && name in constants.signals, { error: 'a signal, such as SIGUSR1' }) }), // prettier-ignore
  File,
  z.strictObject({ stdin: text }),
  Line.transform(({ line }) => ({ stdin: `${line}\n` })),
  z.strictObject({ send: bytes, to: address }),
  z.strictObject({
    request: url,
    method: text.default('GET'),
    headers: z.record(text, z.string()).default({}),
    body: z.union([z.string(), z.strictObject({ file: z.string().startsWith('/') })]).default(''),
    socket: file.optional(),
  }),
])
/** What shows that the handler has run. */
const Done = z.union([
  z.literal('report'),
  z.literal('response'),
  z.literal('exit'),
  Line,
  File,
  Socket,
  z.strictObject({ received: text }),
  fn<Predicate>(),
])

const Definition = z
  .strictObject({
    /** The handler's name in titles and results. */
    name: z.string().regex(/^[\w.-]+$/, 'letters, digits, ".", "_" and "-"'),
    /** Program and arguments, or a function that gives them; paths are absolute. */
    command: z.union([
      z.array(text).min(1).readonly(),
      fn<(site: Site) => readonly string[] | Promise<readonly string[]>>(),
    ]),
    env: z.record(z.string(), z.string()).default({}),
    /** Absolute. */
    cwd: z.string().startsWith('/').default('/'),
    /** Files and folders that it opens after a restore for the first time; absolute. */
    files: z.array(z.string().startsWith('/')).readonly().default([]),
    /** Memory of its process, for a handler that is not measured at several sizes. */
    memory: size.optional(),
    /** Denies io_uring to the handler, because CRIU cannot dump it: libuv, and so Node, falls back to epoll. */
    withoutIoUring: z.boolean().default(false),
    /** Whether it keeps all of root's capabilities. It is not isolated from the host then. */
    privileged: z.boolean().default(false),
    /** Whether it can write to nothing but its folder, /run and /dev: without a layer for other writes it starts faster. */
    readOnly: z.boolean().default(false),
    /** Whether it has a network namespace of its own, with a loopback, and not the machine's network. */
    network: z.boolean().default(true),
    /** The defaults of these three suit `checkpointHere` of vitest-criu/handler and the Python module. */
    ready: Ready.default('report'),
    trigger: Trigger.default('lock'),
    done: Done.default('report'),
    /** Requests before the dump, of a handler that answers them. Default: 1. */
    warmups: z.int().nonnegative().optional(),
    /**
     * What must be the same before the dump and after each restore. Default: the whole answer to a request, or what the
     * handler printed between its trigger and its end. `false`: answers may differ, and the results say so.
     */
    checksum: z
      .union([z.literal(false), fn<(answer: HandlerAnswer) => string | Promise<string>>()])
      .optional(),
  })
  .refine(({ done, trigger }) => done !== 'response' || isRequest(trigger), {
    path: ['done'],
    error: 'a trigger { request } where done is "response"',
  })
  .refine(({ done, trigger }) => !isReceived(done) || isSent(trigger), {
    path: ['done'],
    error: 'a trigger { send, to } where done is { received }',
  })
  .refine(({ done, warmups }) => warmups === undefined || answers({ done }), {
    path: ['warmups'],
    error: 'warmups where done is "response" or { received }: other handlers run once',
  })

/** A definition as the user writes it. */
export type HandlerDefinition = z.input<typeof Definition>
/** The function that is checkpointed: a checked and completed definition. */
export type Handler = Readonly<z.output<typeof Definition>>
export type Trigger = z.output<typeof Trigger>
export type Request = Extract<Trigger, { request: string }>
export type Sent = Extract<Trigger, { to: string }>

export const isRequest = (trigger: Trigger): trigger is Request =>
  typeof trigger === 'object' && 'request' in trigger

export const isSent = (trigger: Trigger): trigger is Sent => typeof trigger === 'object' && 'send' in trigger

export const isReceived = (done: z.output<typeof Done>): done is { received: string } =>
  typeof done === 'object' && 'received' in done

/** Whether the handler answers on a connection, as often as it is asked. */
export const answers = ({ done }: { readonly done: z.output<typeof Done> }): boolean =>
  done === 'response' || isReceived(done)

/** Checks and completes a definition. Throws CriuBenchError that names the wrong part and what it accepts. */
export function parseHandler(definition: HandlerDefinition): Handler {
  const parsed = Definition.safeParse(definition)
  if (parsed.success) return Object.freeze(parsed.data)
  const [issue] = parsed.error.issues
  const given: Readonly<Record<string, unknown>> = { ...definition }
  const part = String(issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path[0])
  throw new CriuBenchError({
    failed: `cannot use the handler "${definition.name}": its ${part}`,
    found: shown(given[part]),
    expected: TAKES[part] ?? `one of ${Object.keys(Definition.shape).join(', ')}`,
    fix: `correct ${part} in defineHandler({ … })`,
    ...(deepest(issue) && { log: deepest(issue) }),
  })
}

/** What each part accepts: zod's own messages do not name the alternatives. */
const TAKES: Readonly<Record<string, string>> = {
  name: 'letters, digits, ".", "_" and "-"',
  command: 'program and arguments, or a function that gives them',
  env: 'names and values, all strings',
  cwd: 'an absolute path',
  files: 'a list of absolute paths',
  memory: 'bytes, or "64MB"',
  withoutIoUring: 'true or false',
  privileged: 'true or false',
  readOnly: 'true or false',
  network: 'true or false',
  ready: '"report", { line }, { file }, { socket } or a function',
  trigger: '"lock", { signal }, { file }, { stdin }, { line }, { send, to } or { request }',
  done: '"report", "response" (of a request), "exit", { line }, { file }, { socket }, { received } or a function',
  warmups: 'a whole number of requests, where done is "response" or { received }',
  checksum: 'a function, or false for answers that may differ',
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  return typeof value === 'function' ? 'a function' : JSON.stringify(value)
}

/** What is wrong inside the alternative that the user meant: the one whose part names match. */
function deepest(issue: z.core.$ZodIssue | undefined): string | undefined {
  if (issue === undefined || issue.code === 'unrecognized_keys') return undefined
  if (issue.code !== 'invalid_union')
    return issue.path.length > 1 ? described(issue.path.slice(1), issue) : undefined
  const meant = issue.errors.find(([first, ...rest]) => (first?.path.length ?? 0) > 0 && rest.length === 0)
  return meant?.[0] && described(meant[0].path, meant[0])
}

const described = (path: readonly PropertyKey[], { message }: { message: string }): string =>
  `${path.map(String).join('.')}: ${message}`
