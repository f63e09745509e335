import { randomUUID } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { hostPath, type Host } from '../host/host.ts'

/**
 * Another machine's end of a command: it has a process group of its own, which is killed when the standard input ends,
 * as it does when the connection, or whoever held it, does. Killing what runs here would not reach what runs there.
 */
const LEASH = `exec 4<&0
setsid "$@" </dev/null 4<&- & command=$!
{ read -r _ <&4; kill -s KILL -- "-$command" || kill -s KILL "$command"; } >/dev/null 2>&1 & leash=$!
exec 4<&-
wait "$command"; status=$?
kill "$leash"
exit "$status"`

/** Whether commands for `host` go over a connection: their standard input is to stay open as long as they may run. */
export const isRemote = (host: Host): boolean => host.sshCommand !== undefined

/** A pipe that nobody writes to: on another machine its end is the end of the command. */
export const stdinFor = (host: Host): 'ignore' | 'pipe' => (isRemote(host) ? 'pipe' : 'ignore')

/** What is executed on this machine to run `argv` on `host`. */
export const commandLine = (host: Host, argv: readonly string[], leash = true): string[] => {
  const there = [...host.namespacePrefix, ...argv]
  if (host.sshCommand === undefined) return there
  // What ssh is given is put together to one line, which a shell takes apart again.
  return [...host.sshCommand, (leash ? ['sh', '-c', LEASH, 'leash', ...there] : there).map(quote).join(' ')]
}

const quote = (word: string): string => `'${word.replaceAll("'", String.raw`'\''`)}'`

/** File descriptor 3 does not go over a connection: there it is a file of the host, read when the command has ended. */
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
