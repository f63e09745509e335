import { execa, type Options, type Result, type ResultPromise } from 'execa'
import { CriuBenchError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import { commandLine, isRemote, reportFile } from './remote.ts'

/** Output is kept for errors, not for data: more than this of it ends the command. */
const MAX_OUTPUT = 16 * 1024 * 1024

export interface Command {
  /** Program and arguments; never a shell line. */
  readonly argv: readonly string[]
  /** What the command is for, as a clause for the error: "cannot mount tmpfs on /x". */
  readonly failed: string
  /** What to do when it fails. */
  readonly fix: string
  /** Milliseconds after which the command and its whole process group are killed. */
  readonly timeout: number
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Called with each line of standard output and error as it comes. */
  readonly onLine?: (line: string) => void
  /** Exit codes that are an answer, not a failure. 0 when left out. */
  readonly accept?: readonly number[]
  /** Adds a pipe as file descriptor 3 and returns what was written to it as `report`. */
  readonly report?: boolean
}

export interface Finished {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  /** What was written to file descriptor 3, if asked for. */
  readonly report: string
  /** Wall time from spawn to exit, ms. */
  readonly wall: number
}

const settings = (command: Omit<Command, 'timeout'>, stdin: 'ignore' | 'pipe' = 'ignore'): Options => ({
  reject: false,
  all: true,
  stripFinalNewline: false,
  maxBuffer: MAX_OUTPUT,
  stdio: command.report ? [stdin, 'pipe', 'pipe', 'pipe'] : [stdin, 'pipe', 'pipe'],
  // A group of its own, so that a time-out reaches what the command itself started.
  detached: true,
  env: command.env ?? {},
  ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
})

/**
 * Runs one command on `host` to its end and waits for it; this file is the only place where the project starts
 * processes.
 * Throws CriuBenchError when the command is missing, exits with a code outside `accept`, or outlives `timeout`.
 */
export async function run(host: Host, command: Command): Promise<Finished> {
  await using file = command.report && isRemote(host) ? reportFile(host, command.argv) : undefined
  const [program = '', ...args] = commandLine(host, file?.argv ?? command.argv)
  const started = performance.now()
  const child = execa(program, args, settings(command, stdinFor(host)))
  using _guard = killOnExit(child)
  using limit = limited(child, command.timeout)
  const ended = (async () => {
    if (command.onLine) await forwardLines(child, command.onLine)
    return child
  })()
  const result = await Promise.race([ended, limit.stuck])
  if (result === undefined) throw failure(command, {}, STUCK)
  if (limit.reached || !(command.accept ?? [0]).includes(result.exitCode ?? -1)) {
    throw failure(command, result, limit.reached ? KILLED : undefined)
  }
  return {
    exitCode: result.exitCode ?? -1,
    stdout: text(result.stdout),
    stderr: text(result.stderr),
    report: (await file?.read()) ?? text(result.stdio[3]),
    wall: performance.now() - started,
  }
}

/** A pipe that nobody writes to: on another machine its end is the end of the command. */
const stdinFor = (host: Host): 'ignore' | 'pipe' => (isRemote(host) ? 'pipe' : 'ignore')

/** What became of a command at its limit. */
const KILLED = 'killed with its process group'
const STUCK = 'killed, but it waits in a system call that does not end'
/** Milliseconds that a killed command has to be gone. */
const GONE_WITHIN = 5000

interface Limit extends Disposable {
  readonly reached: boolean
  /** Resolves where the killed command does not go: it waits for a file system that does not answer. */
  readonly stuck: Promise<undefined>
}

/** Kills the group of `child` after that many ms, unless disposed of before: its id may be another's by then. */
function limited(child: ResultPromise, milliseconds: number): Limit {
  const { promise: stuck, resolve } = Promise.withResolvers<undefined>()
  const limit = { reached: false, stuck, [Symbol.dispose]: () => clearTimeout(timer) }
  let timer = setTimeout(() => {
    limit.reached = true
    killGroup(child)
    timer = setTimeout(() => resolve(undefined), GONE_WITHIN)
  }, milliseconds)
  return limit
}

/** A command that runs until it is ended. */
export interface Daemon extends AsyncDisposable {
  /** Its process group, seen from this process: a signal to it reaches the daemon, wherever it runs. */
  readonly group: number
  /** Resolves when it has ended, however it came to that, to an error that says so with its last lines. */
  readonly ended: Promise<CriuBenchError>
}

/**
 * Starts a command on `host` and does not wait for it: it runs until it is disposed of, which kills it and its group,
 * or until this process ends. What it says goes into the error of its end, and nowhere else.
 */
export function start(
  host: Host,
  command: Omit<Command, 'timeout' | 'report' | 'accept' | 'onLine'>,
): Daemon {
  const [program = '', ...args] = commandLine(host, command.argv)
  const options: Options = { ...settings(command, stdinFor(host)), buffer: false }
  const child = execa(program, args, options)
  const guard = killOnExit(child)
  const lines: string[] = []
  const forwarded = forwardLines(child, (line) => void lines.splice(0, lines.push(line) - LAST_LINES)).catch(
    () => {},
  )
  let isOver = false
  const ended = Promise.all([child, forwarded]).then(([result]) => {
    isOver = true
    guard[Symbol.dispose]()
    return endOf(command, result, lines)
  })
  return {
    group: child.pid ?? 0,
    ended,
    [Symbol.asyncDispose]: async () => {
      // Afterwards its id may be another's.
      if (!isOver) killGroup(child)
      await ended
    },
  }
}

/** A command that answers each line with a line. */
export interface Dialogue extends AsyncDisposable {
  /** Throws CriuBenchError when it ends, or takes longer than the command's `timeout`, without an answer. */
  ask(line: string): Promise<string>
}

/** Starts a command to talk to, until it is disposed of, which ends its input, and so it. */
export function converse(host: Host, command: Omit<Command, 'report' | 'accept' | 'onLine'>): Dialogue {
  const [program = '', ...args] = commandLine(host, command.argv, false)
  const options: Options = { ...settings(command, 'pipe'), buffer: false }
  const child: ResultPromise = execa(program, args, options)
  const guard = killOnExit(child)
  const lines = child.iterable()
  return {
    ask: async (line) => {
      using limit = limited(child, command.timeout)
      child.stdin?.write(`${line}\n`)
      const answer = await lines.next()
      if (answer.done !== true) return String(answer.value)
      throw failure(command, await child, limit.reached ? KILLED : undefined)
    },
    [Symbol.asyncDispose]: async () => {
      using _limit = limited(child, command.timeout)
      child.stdin?.end()
      await child
      guard[Symbol.dispose]()
    },
  }
}

const endOf = (command: Omit<Command, 'timeout'>, result: Result, lines: readonly string[]): CriuBenchError =>
  new CriuBenchError({
    failed: command.failed,
    found: howItEnded(command.argv[0], result),
    expected: 'that it runs until it is stopped',
    fix: command.fix,
    log: lines.join('\n'),
  })

const running = new Set<ResultPromise>()
process.once('exit', () => running.forEach(killGroup))

/** A detached group does not get the terminal's Ctrl-C, so it is ended with this process. */
function killOnExit(child: ResultPromise): Disposable {
  running.add(child)
  return { [Symbol.dispose]: () => running.delete(child) }
}

function killGroup(child: ResultPromise): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // Already gone: nothing to kill.
  }
}

async function forwardLines(child: ResultPromise, onLine: (line: string) => void): Promise<void> {
  for await (const line of child.iterable({ from: 'all' })) onLine(String(line))
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/** What an error tells of an end. */
interface Outcome {
  readonly exitCode?: number | undefined
  readonly signal?: string | undefined
  readonly code?: string | undefined
  readonly stdout?: unknown
  readonly stderr?: unknown
}

function failure(command: Command, result: Outcome, timedOut: string | undefined): CriuBenchError {
  const [program] = command.argv
  const found =
    timedOut === undefined
      ? howItEnded(program, result)
      : `${program} still running after ${command.timeout / 1000} s (${timedOut})`
  return new CriuBenchError({
    failed: command.failed,
    found,
    expected: timedOut !== undefined ? `an end within ${command.timeout / 1000} s` : 'exit status 0',
    fix: command.fix,
    log: lastLines(text(result.stderr) || text(result.stdout)),
  })
}

function howItEnded(program = '', result: Outcome): string {
  if (result.exitCode !== undefined) return `${program} exited with ${result.exitCode}`
  return `${program} ${result.code === 'ENOENT' ? 'is not installed' : `was ended by ${result.signal ?? result.code}`}`
}

/** Of a command's output, in an error: what it said last. */
const LAST_LINES = 12

export const lastLines = (output: string): string =>
  output.trimEnd().split('\n').slice(-LAST_LINES).join('\n')
