import type { ResultPromise } from 'execa'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from '../host/host.ts'
import {
  failure,
  KILLED,
  lastLines,
  limited,
  startChild,
  startSurvivor,
  timeout,
  type CommandBase,
  type Outcome,
} from './child.ts'
import { commandLine } from './remote.ts'

/** A command that answers each line with a line. Disposing of it ends its input, and so it. */
export interface Dialogue extends AsyncDisposable {
  /** Throws CriuBenchError when it ends, or takes longer than `limit` ms (the command's own), without an answer. */
  ask(line: string, limit?: number): Promise<string>
  /** Ends its input and waits for its end, which is forced at the command's limit. Returns the lines it still wrote. */
  close(): Promise<readonly string[]>
}

export interface DialogueCommand extends CommandBase {
  /** Milliseconds for an answer, and for its end; then it is killed with its process group. */
  readonly timeout: number
}

/** Starts a command on `host` to talk to. It ends with this process. */
export function converse(host: Host, command: DialogueCommand): Dialogue {
  const argv = commandLine(host, command.argv, false)
  const child = startChild(argv, command, { stdin: 'pipe', buffer: false })
  return dialogueWith(child, command)
}

/**
 * Starts a command on this machine to talk to, which cleans up after this process: it outlives it, whatever ends it, and
 * learns of that by the end of its input. It has the variables of `env` alone.
 */
export const converseWithSurvivor = (command: DialogueCommand): Dialogue =>
  dialogueWith(startSurvivor(command.argv, command), command)

function dialogueWith(child: ResultPromise, command: DialogueCommand): Dialogue {
  const lines = child.iterable()
  const ended = endOf(child)
  let words = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (words = lastLines(words + text)))
  const close = async (): Promise<readonly string[]> => {
    using _limit = limited(child, command.timeout)
    child.stdin?.end()
    const rest: string[] = []
    for await (const line of lines) rest.push(String(line))
    await child
    return rest
  }
  let closed: Promise<readonly string[]> | undefined
  return {
    ask: async (line, milliseconds = command.timeout) => {
      using limit = limited(child, milliseconds)
      child.stdin?.write(`${line}\n`)
      const answer = await Promise.race([lines.next(), ended])
      if (answer !== ENDED && answer.done !== true) return String(answer.value)
      if (limit.reached) throw timeout(command, await child, milliseconds, KILLED)
      throw failure(command, { ...(answer === ENDED ? outcomeOf(child) : await child), stderr: words })
    },
    close: () => (closed ??= close()),
    [Symbol.asyncDispose]: async () => {
      await (closed ??= close())
    },
  }
}

const ENDED = Symbol('ended')
/** Milliseconds for the last lines of a command that has ended. */
const LAST_WORDS = 200

/** The end of a command, even if something that it has started keeps its output open. */
async function endOf(child: ResultPromise): Promise<typeof ENDED> {
  await new Promise((resolve) => child.once('exit', resolve))
  await sleep(LAST_WORDS)
  return ENDED
}

const outcomeOf = ({ exitCode, signalCode }: ResultPromise): Outcome => ({
  ...(exitCode !== null && { exitCode }),
  ...(signalCode !== null && { signal: signalCode }),
})
