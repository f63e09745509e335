import { execa, type Options, type ResultPromise } from 'execa'
import { CriuBenchError } from '../errors.ts'

/** A command line and what its errors say: what `run`, `start` and `converse` have in common. */
export interface CommandBase {
  /** Program and arguments; never a shell line. */
  readonly argv: readonly string[]
  /** What the command is for, as a clause for the error: "cannot mount tmpfs on /x". */
  readonly failed: string
  /** What to do when it fails. */
  readonly fix: string
  readonly env?: Readonly<Record<string, string>>
}

/** Output is kept for errors, not for data: more than this of it ends the command. */
const MAX_OUTPUT = 16 * 1024 * 1024

/** What becomes of a child's standard input, and of descriptor 3. */
export interface Pipes {
  readonly stdin: 'ignore' | 'pipe'
  /** Adds a pipe as file descriptor 3. */
  readonly report?: boolean
  /** Whether the output is kept; else its reader takes it as it comes. */
  readonly buffer?: boolean
}

/**
 * Starts a command line in a process group of its own, so that a time-out reaches what the command itself has started.
 * A group of its own does not get the terminal's Ctrl-C: it is killed when this process ends.
 */
export function startChild(
  [program = '', ...args]: readonly string[],
  { env = {} }: Pick<CommandBase, 'env'>,
  { stdin, report = false, buffer = true }: Pipes,
): ResultPromise {
  const options: Options = {
    reject: false,
    all: true,
    stripFinalNewline: false,
    maxBuffer: MAX_OUTPUT,
    stdio: report ? [stdin, 'pipe', 'pipe', 'pipe'] : [stdin, 'pipe', 'pipe'],
    detached: true,
    buffer,
    env,
  }
  const child = execa(program, args, options)
  running.add(child)
  void child.then(() => running.delete(child))
  return child
}

const running = new Set<ResultPromise>()
process.once('exit', () => running.forEach(killGroup))

/**
 * Starts a command that outlives this process, however that one ends: Ctrl-C does not reach it, and nothing kills it.
 * It has the variables of `env` alone. Nobody may be left to read what it writes.
 */
export function startSurvivor(
  [program = '', ...args]: readonly string[],
  { env = {} }: Pick<CommandBase, 'env'>,
): ResultPromise {
  const options: Options = {
    reject: false,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    cleanup: false,
    buffer: false,
    env,
    extendEnv: false,
  }
  return execa(program, args, options)
}

/** Only for a child that has not ended: its id may be another's afterwards. */
export function killGroup(child: ResultPromise): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // Already gone: nothing to kill.
  }
}

/** What became of a command at its limit. */
export const KILLED = 'killed with its process group'
export const STUCK = 'killed, but it waits in a system call that does not end'
/** Milliseconds that a killed command has to be gone. */
const GONE_WITHIN = 5000

export interface Limit extends Disposable {
  readonly reached: boolean
  /** Resolves when the killed command does not end: it waits for a file system that does not answer. */
  readonly stuck: Promise<undefined>
}

/** Kills the group of `child` after that many ms, unless disposed of before. */
export function limited(child: ResultPromise, milliseconds: number): Limit {
  const { promise: stuck, resolve } = Promise.withResolvers<undefined>()
  const limit = { reached: false, stuck, [Symbol.dispose]: () => clearTimeout(timer) }
  let timer = setTimeout(() => {
    limit.reached = true
    killGroup(child)
    timer = setTimeout(() => resolve(undefined), GONE_WITHIN)
  }, milliseconds)
  return limit
}

export async function forwardLines(child: ResultPromise, onLine: (line: string) => void): Promise<void> {
  for await (const line of child.iterable({ from: 'all' })) onLine(String(line))
}

export const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/** How a child ended, as far as an error tells of it. */
export interface Outcome {
  readonly exitCode?: number | undefined
  readonly signal?: string | undefined
  readonly code?: string | undefined
  readonly stdout?: unknown
  readonly stderr?: unknown
}

/** The error of a command that failed by itself. */
export const failure = (command: CommandBase, outcome: Outcome): CriuBenchError =>
  new CriuBenchError({
    failed: command.failed,
    found: howItEnded(command.argv[0], outcome),
    expected: 'exit status 0',
    fix: command.fix,
    log: lastOutput(outcome),
  })

/** A command was killed at its limit. */
export class TimeoutError extends CriuBenchError {}

/** The error of a command that was killed at its limit; `how` is KILLED or STUCK. */
export const timeout = (command: CommandBase, outcome: Outcome, limit: number, how: string): TimeoutError =>
  new TimeoutError({
    failed: command.failed,
    found: `${command.argv[0]} still running after ${limit / 1000} s (${how})`,
    expected: `an end within ${limit / 1000} s`,
    fix: command.fix,
    log: lastOutput(outcome),
  })

export function howItEnded(program = '', { exitCode, signal, code }: Outcome): string {
  if (exitCode !== undefined) return `${program} exited with ${exitCode}`
  return `${program} ${code === 'ENOENT' ? 'is not installed' : `was ended by ${signal ?? code}`}`
}

/** Of a command's output, in an error: what it said last. */
export const LAST_LINES = 12

export const lastLines = (output: string): string =>
  output.trimEnd().split('\n').slice(-LAST_LINES).join('\n')

const lastOutput = ({ stdout, stderr }: Outcome): string => lastLines(text(stderr) || text(stdout))
