import { execa, type Options, type Result, type ResultPromise } from 'execa'
import { CriuBenchError } from '../errors.ts'
import type { Host } from './host.ts'

/** Output is kept for errors, not for data: more than this of it ends the command. */
const MAX_OUTPUT = 16 * 1024 * 1024

export interface Command {
  /** Program and arguments; never a shell line. */
  readonly argv: readonly string[]
  /** What the command is for, as a clause for the error: "cannot mount tmpfs on /x". */
  readonly failed: string
  /** What to do when it fails. */
  readonly mend: string
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

const settings = (command: Command): Options => ({
  reject: false,
  all: true,
  stripFinalNewline: false,
  maxBuffer: MAX_OUTPUT,
  stdio: command.report ? ['ignore', 'pipe', 'pipe', 'pipe'] : ['ignore', 'pipe', 'pipe'],
  // A group of its own, so that a time-out reaches what the command itself started.
  detached: true,
  env: command.env ?? {},
  ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
})

/**
 * Runs one command on `host` to its end: the only place where this project starts a process and waits for it.
 * Throws CriuBenchError when the command is missing, exits with a code outside `accept`, or outlives `timeout`.
 */
export async function run(host: Host, command: Command): Promise<Finished> {
  const [program = '', ...args] = [...host.enter, ...command.argv]
  const started = performance.now()
  const child = execa(program, args, settings(command))
  const limit = AbortSignal.timeout(Math.ceil(command.timeout))
  using _bounds = bound(child, limit)
  if (command.onLine) await forwardLines(child, command.onLine)
  const result = await child
  if (limit.aborted || !(command.accept ?? [0]).includes(result.exitCode ?? -1)) {
    throw failure(command, result, limit.aborted)
  }
  return {
    exitCode: result.exitCode ?? -1,
    stdout: text(result.stdout),
    stderr: text(result.stderr),
    report: text(result.stdio[3]),
    wall: performance.now() - started,
  }
}

const running = new Set<ResultPromise>()
process.once('exit', () => running.forEach(killGroup))

/**
 * Kills the child's group at `limit`, and with this process: a detached group does not get the terminal's Ctrl-C. Both
 * only until it has ended, since its pid may then be another's.
 */
function bound(child: ResultPromise, limit: AbortSignal): Disposable {
  const kill = (): void => killGroup(child)
  limit.addEventListener('abort', kill)
  running.add(child)
  return {
    [Symbol.dispose]: () => {
      limit.removeEventListener('abort', kill)
      running.delete(child)
    },
  }
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

function failure(command: Command, result: Result, timedOut: boolean): CriuBenchError {
  const [program] = command.argv
  const found = timedOut
    ? `${program} still running after ${command.timeout / 1000} s (killed with its process group)`
    : result.exitCode === undefined
      ? `${program} ${result.code === 'ENOENT' ? 'is not installed' : `was ended by ${result.signal ?? result.code}`}`
      : `${program} exited with ${result.exitCode}`
  return new CriuBenchError({
    failed: command.failed,
    found,
    expected: timedOut ? `an end within ${command.timeout / 1000} s` : 'exit status 0',
    mend: command.mend,
    log: lastLines(text(result.stderr) || text(result.stdout)),
  })
}

const lastLines = (output: string, count = 12): string =>
  output.trimEnd().split('\n').slice(-count).join('\n')
