/** What bench/peers.bench.ts compares: other ways to start a container, and to restore a process in one. */
import { z } from 'zod'
import { readReport, doneIn } from '../../helpers/handlers/report.ts'
import { HANDLER_FOLDER, handlerFiles } from '../../helpers/handlers/handler.ts'
import { writeNew } from '../../helpers/handlers/running.ts'
import { hostPath } from '../../helpers/host/host.ts'
import { CriuBenchError } from '../../helpers/index.ts'
import { fixture } from '../../helpers/installation/paths.ts'
import { run } from '../../helpers/process/process.ts'
import { waitFor } from '../../helpers/process/wait.ts'
import { compile } from '../../helpers/programs/compile.ts'
import type { Sandbox } from '../../helpers/sandbox/sandbox.ts'

/** Where peers run: private mounts and processes, which end with it. All folders are in memory. */
export interface Site {
  readonly sandbox: Sandbox
  /** The root folder of containers, with the programs that run in them. */
  readonly root: string
  /** A folder for a peer's own files. */
  readonly folder: string
  /** The CRIU that every peer uses. */
  readonly criu: string
}

/** The process that is restored: the native handler, whose answer is a checksum of its memory. */
export interface Process {
  readonly command: readonly string[]
  readonly checksum: string
}

/** Takes one sample, ms. */
export type Measure = () => Promise<number>

/** A program that starts containers. */
export interface Peer {
  readonly name: string
  /** What its containers have, for the table. */
  readonly isolation: string
  /** The Debian packages that it needs, by program. */
  readonly needs: Readonly<Record<string, string>>
  /** Prepares starts of `command` in a container. One sample lasts from the start of the command to its end. */
  start?(site: Site, command: readonly string[]): Promise<Measure>
  /** Why it cannot restore a process, if it has no `restore`. */
  readonly restoresNothing?: string
  /** Takes a checkpoint of the process. One sample is a restore, from the start of the command to the process' answer. */
  restore?(site: Site, process: Process): Promise<Measure>
}

const Timed = z.object({ started: z.coerce.bigint(), ended: z.coerce.bigint() })

/** The program that starts a command and prints when it started and ended. */
export const stopwatch = (): Promise<string> => compile(fixture('load/stopwatch.c'))

export const timesIn = (output: string): z.infer<typeof Timed> => Timed.parse(JSON.parse(output))

/** Runs a command and returns when it started and ended. Throws CriuBenchError if it fails. */
const timed = async (site: Site, argv: readonly string[]): Promise<z.infer<typeof Timed>> =>
  timesIn((await command(site, [await stopwatch(), ...argv])).stdout)

const LIMIT = 60_000

export const command = ({ sandbox }: Site, argv: readonly string[]) =>
  run(sandbox, {
    argv,
    failed: `cannot run ${argv.slice(0, 4).join(' ')}`,
    fix: 'run it by hand',
    timeout: LIMIT,
  })

/** A sample of a start: from the start of the command to its end. */
export const startOf =
  (site: Site, argv: readonly string[], after?: () => Promise<unknown>): Measure =>
  async () => {
    const { started, ended } = await timed(site, argv)
    await after?.()
    return Number(ended - started) / 1e6
  }

/** Puts the handler's files back: the lock says whether it waits or runs. */
export async function layOut({ sandbox }: Site, lock: '0' | '1'): Promise<void> {
  const files = handlerFiles(hostPath(sandbox, HANDLER_FOLDER))
  await writeNew(files.report, '')
  await writeNew(files.lock, lock)
}

/** A sample of a restore: from the start of the command to the process' answer, which must be that of before the dump. */
export const restoreOf =
  (site: Site, { checksum }: Process, argv: readonly string[], after?: () => Promise<unknown>): Measure =>
  async () => {
    await layOut(site, '1')
    const { started } = await timed(site, argv)
    const answer = await answered(site)
    await after?.()
    if (answer.checksum !== checksum) throw wrong(argv, answer.checksum, checksum)
    return Number(answer.handlerEnded - started) / 1e6
  }

async function answered({ sandbox }: Site) {
  const { report } = handlerFiles(hostPath(sandbox, HANDLER_FOLDER))
  let done = doneIn(await readReport(report))
  const isDone = async (): Promise<boolean> => (done ??= doneIn(await readReport(report))) !== undefined
  await waitFor(isDone, { failed: 'cannot measure a restore', found: 'no answer of the process', expected: 'its checksum', fix: 'run the restore by hand', limit: LIMIT, interval: 2 }) // prettier-ignore
  if (!done) throw new Error('unreachable: the wait ends with an answer or an error')
  return done
}

const wrong = (argv: readonly string[], found: string, expected: string): CriuBenchError =>
  new CriuBenchError({
    failed: `cannot trust a restore by ${argv[0]}`,
    found: `the checksum ${found} of the restored memory`,
    expected,
    fix: 'look at its version of CRIU',
  })

/** Waits until the started process is ready, and returns the checksum of its memory. */
export async function ready({ sandbox }: Site): Promise<string> {
  const { report } = handlerFiles(hostPath(sandbox, HANDLER_FOLDER))
  const checksum = async (): Promise<string | undefined> => (await readReport(report))[0]?.checksum
  await waitFor(async () => (await checksum()) !== undefined, { failed: 'cannot take a checkpoint', found: 'a process that is not ready', expected: 'its checksum', fix: 'start it by hand', limit: LIMIT, interval: 10 }) // prettier-ignore
  return (await checksum()) ?? ''
}
