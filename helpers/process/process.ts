import { addAbortListener } from 'node:events'
import type { Host } from '../host/host.ts'
import {
  failure,
  forwardLines,
  killGroup,
  KILLED,
  limited,
  startChild,
  STUCK,
  text,
  timeout,
  type CommandBase,
} from './child.ts'
import { commandLine, reportFile, isRemote, stdinFor } from './remote.ts'

export interface Command extends CommandBase {
  /** Milliseconds after which the command and its whole process group are killed. */
  readonly timeout: number
  /** Called with each line of standard output and error as it comes. */
  readonly onLine?: (line: string) => void
  /** Exit codes that are an answer, not a failure. 0 when left out. */
  readonly accept?: readonly number[]
  /** Adds a pipe as file descriptor 3 and returns what was written to it as `report`. */
  readonly report?: boolean
  /** Kills the command with its whole process group, which is a failure of it. */
  readonly signal?: AbortSignal | undefined
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

/**
 * Runs one command on `host` to its end and waits for it.
 * Throws CriuBenchError when the command is missing, exits with a code outside `accept`, or outlives `timeout`; and why the
 * host is gone, when that is the reason.
 */
export async function run(host: Host, command: Command): Promise<Finished> {
  await using file = command.report && isRemote(host) ? reportFile(host, command.argv) : undefined
  const argv = commandLine(host, file?.argv ?? command.argv)
  const started = performance.now()
  const child = startChild(argv, command, { stdin: stdinFor(host), report: command.report === true })
  using limit = limited(child, command.timeout)
  using _stop = command.signal && addAbortListener(command.signal, () => killGroup(child))
  const ended = (async () => {
    if (command.onLine) await forwardLines(child, command.onLine)
    return child
  })()
  const result = await Promise.race([ended, limit.stuck])
  if (result === undefined) throw timeout(command, {}, command.timeout, STUCK)
  if (limit.reached) throw timeout(command, result, command.timeout, KILLED)
  if (!(command.accept ?? [0]).includes(result.exitCode ?? -1))
    throw (await host.lost?.()) ?? failure(command, result)
  return {
    exitCode: result.exitCode ?? -1,
    stdout: text(result.stdout),
    stderr: text(result.stderr),
    report: (await file?.read()) ?? text(result.stdio[3]),
    wall: performance.now() - started,
  }
}
