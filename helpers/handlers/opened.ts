import { existsSync } from 'node:fs'
import { fixture, WORK } from '../installation/paths.ts'
import { hostPath, type Host } from '../host/host.ts'
import { converse } from '../process/dialogue.ts'
import { compile } from '../programs/compile.ts'
import { ensureProgramOnHost } from '../programs/ensure-on-host.ts'

/** What a handler has opened since its start: paths on its host, without links. */
export interface Opened {
  readonly files: readonly string[]
  /** Those of the files that it has written to. */
  readonly written: readonly string[]
  readonly folders: readonly string[]
}

export const NOTHING_OPENED: Opened = { files: [], written: [], folders: [] }

/** Records which files and folders the processes of a host open. */
export interface Recording extends AsyncDisposable {
  /** Ends it. */
  opened(): Promise<Opened>
}

/** Starts to record, apart from the handler's own folder, of which each sample has a copy. Throws CriuBenchError. */
export async function recordOpened(host: Host): Promise<Recording> {
  const recorder = converse(host, {
    argv: [await ensureProgramOnHost(host, await compile(fixture('programs/opened.c'))), WORK],
    failed: 'cannot record which files the handler opens',
    fix: 'the kernel needs CONFIG_FANOTIFY; in a container: run it privileged',
    timeout: 20_000,
  })
  await using undo = new AsyncDisposableStack()
  undo.use(recorder)
  await recorder.ask('start')
  const owned = undo.move()
  return {
    opened: async () => openedIn(host, await recorder.close()),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function openedIn(host: Host, lines: readonly string[]): Opened {
  const of = (...words: string[]): string[] => [
    ...new Set(
      lines
        .filter((line) => words.some((word) => line.startsWith(`${word} `)))
        .map((line) => line.slice(line.indexOf(' ') + 1))
        // A draft, for example, has another name by now.
        .filter((path) => belongsToMachine(path) && existsSync(hostPath(host, path))),
    ),
  ]
  return { files: of('file', 'written'), written: of('written'), folders: of('folder') }
}

/** A container has its own devices and processes. */
export const belongsToMachine = (path: string): boolean =>
  path.startsWith('/dev/shm/') || !/^\/(dev|proc|sys)(\/|$)/.test(path)
