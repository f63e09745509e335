import { randomUUID } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { hostPath, type Host } from '../host/host.ts'

/**
 * Runs a command on another machine in a process group of its own and kills the group when the standard input ends. The
 * input ends with the connection, and with the process here that holds it: a signal here would not reach the command.
 */
const LEASH = `exec 4<&0
setsid "$@" </dev/null 4<&- & command=$!
{ read -r _ <&4; kill -s KILL -- "-$command" || kill -s KILL "$command"; } >/dev/null 2>&1 & leash=$!
exec 4<&-
wait "$command"; status=$?
kill "$leash"
exit "$status"`

/** Whether `host` is another machine. Its commands run for as long as their standard input is open. */
export const isRemote = (host: Host): boolean => host.sshCommand !== undefined

/** On another machine, the end of the standard input ends the command: there it is a pipe that nobody writes to. */
export const stdinFor = (host: Host): 'ignore' | 'pipe' => (isRemote(host) ? 'pipe' : 'ignore')

/** The command line that runs `argv` on `host` when it is executed on this machine. */
export const commandLine = (host: Host, argv: readonly string[], leash = true): string[] => {
  const there = [...host.namespacePrefix, ...argv]
  if (host.sshCommand === undefined) return there
  // ssh joins its arguments to one line, which a shell on the other side splits again.
  return [...host.sshCommand, (leash ? ['sh', '-c', LEASH, 'leash', ...there] : there).map(quote).join(' ')]
}

const quote = (word: string): string => `'${word.replaceAll("'", String.raw`'\''`)}'`

/** ssh does not forward file descriptor 3: on another machine it is a file, which is read when the command has ended. */
export interface ReportFile extends AsyncDisposable {
  readonly argv: readonly string[]
  read(): Promise<string>
}

export function reportFile(host: Host, argv: readonly string[]): ReportFile {
  const file = `/run/vitest-criu-report-${randomUUID()}`
  const seen = hostPath(host, file)
  return {
    argv: ['sh', '-c', 'exec 3>"$0"; exec "$@"', file, ...argv],
    read: () => readFile(seen, 'utf8').catch(() => ''),
    [Symbol.asyncDispose]: () => rm(seen, { force: true }).catch(() => undefined),
  }
}
