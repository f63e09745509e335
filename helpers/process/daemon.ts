import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { ResultPromise } from 'execa'
import { CriuBenchError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import { forwardLines, howItEnded, killGroup, LAST_LINES, startChild, type CommandBase } from './child.ts'
import { commandLine, stdinFor } from './remote.ts'

/** A command that runs until it is ended. */
export interface Daemon extends AsyncDisposable {
  /** Its process group, seen from this process: a signal to it reaches the daemon, wherever it runs. */
  readonly group: number
  /** Resolves when it has ended, however it came to that, to an error that says so with its last lines. */
  readonly ended: Promise<CriuBenchError>
}

export interface DaemonCommand extends CommandBase {
  /** Called with each line of standard output and error as it comes. */
  readonly onLine?: (line: string) => void
}

/**
 * Starts a command on `host` and does not wait for it: it runs until it is disposed of, which kills it and its group,
 * or until this process ends. The error of its end has its last lines.
 */
export function start(host: Host, command: DaemonCommand): Daemon {
  const child = startChild(commandLine(host, command.argv), command, {
    stdin: stdinFor(host),
    buffer: false,
  })
  const lines: string[] = []
  const forwarded = forwardLines(child, (line) => {
    lines.splice(0, lines.push(line) - LAST_LINES)
    command.onLine?.(line)
  })
  let isOver = false
  // Reading fails where the child is killed in the middle of a line: its end says more.
  const ended = Promise.allSettled([child, forwarded]).then(async () => {
    isOver = true
    return new CriuBenchError({
      failed: command.failed,
      found: howItEnded(command.argv[0], await child),
      expected: 'a command that runs until it is stopped',
      fix: command.fix,
      log: lines.join('\n'),
    })
  })
  return {
    group: child.pid ?? 0,
    ended,
    [Symbol.asyncDispose]: async () => {
      if (!isOver && child.spawnfile === 'nsenter') await killEntered(child)
      if (!isOver) killGroup(child)
      await ended
    },
  }
}

/** Milliseconds for a killed command to be reaped. */
const REAPED_WITHIN = 500

/**
 * Kills the command that nsenter(1) started, and waits until nsenter has reaped it. If both were killed at once, a command
 * that takes longer to end would be an orphan of PID 1, which in many containers takes seconds to reap it. Its PID namespace,
 * and so its sandbox, cannot end before.
 */
async function killEntered(child: ResultPromise): Promise<void> {
  const { pid, exitCode, signalCode } = child
  if (exitCode !== null || signalCode !== null) return
  const left = once(child, 'exit')
  // Empty if it has ended in the meantime, or in a kernel without this file: then all are killed at once.
  const entered = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  if (entered.trim() === '') return
  for (const each of entered.trim().split(' ').map(Number)) {
    try {
      process.kill(each, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
  await Promise.race([left, delay(REAPED_WITHIN, undefined, { ref: false })])
}
