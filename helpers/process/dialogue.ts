import type { ResultPromise } from 'execa'
import type { Host } from '../host/host.ts'
import { failure, KILLED, limited, startChild, startSurvivor, timeout, type CommandBase } from './child.ts'
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
 * learns of that by the end of its input. It has the variables of `env` alone, and its errors go nowhere.
 */
export const converseWithSurvivor = (command: DialogueCommand): Dialogue =>
  dialogueWith(startSurvivor(command.argv, command), command)

function dialogueWith(child: ResultPromise, command: DialogueCommand): Dialogue {
  const lines = child.iterable()
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
      const answer = await lines.next()
      if (answer.done !== true) return String(answer.value)
      throw limit.reached
        ? timeout(command, await child, milliseconds, KILLED)
        : failure(command, await child)
    },
    close: () => (closed ??= close()),
    [Symbol.asyncDispose]: async () => {
      await (closed ??= close())
    },
  }
}
