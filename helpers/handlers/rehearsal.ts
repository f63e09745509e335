import { readFile, truncate, writeFile } from 'node:fs/promises'
import { CriuBenchError } from '../errors.ts'
import { hostPath, type Host } from '../host/host.ts'
import { fixture } from '../installation/paths.ts'
import { startTimeOf } from '../proc/stat.ts'
import { holdsWithin } from '../process/wait.ts'
import { compile } from '../programs/compile.ts'
import { checksumOf } from './answer.ts'
import { commandLine, HANDLER_FOLDER, handlerFiles, reportsItself } from './handler.ts'
import { endSaidIn, observed, observedPoints, readyFile, seenFile } from './observe.ts'
import { untilReady, type Starting } from './ready.ts'
import { doneIn, readReport } from './report.ts'
import { startProcess, writeNew } from './running.ts'

type Rehearsed = Omit<Starting, 'pid' | 'startedAfter'>

/**
 * Runs a handler once from its start to its end, in a process that is not dumped, and returns the checksum of that run.
 * What fails here would fail in every sample. Throws CriuBenchError.
 */
export async function rehearse(host: Host, starting: Rehearsed): Promise<string> {
  const { handler, size, limit } = starting
  const folder = hostPath(host, HANDLER_FOLDER)
  await using process = await startProcess(host, handler, () => commandOf(starting))
  await untilReady(process.host, { ...process, handler, size, limit })
  await untilQuiet(folder)
  // Its log is opened for appending. From here on it has only what a restored process prints as well.
  await truncate(handlerFiles(folder).log)
  if (handler.trigger === 'lock') await writeFile(handlerFiles(folder).lock, '1')
  await writeNew(readyFile(folder), '')
  await untilDone(host, starting, process.pid)
  if (!reportsItself(handler)) return await checksumOf(handler, { folder })
  return doneIn(await readReport(handlerFiles(folder).report))?.checksum ?? 'none'
}

/** The observer starts the handler in the same network, and as confined as itself. */
async function commandOf({ handler, size, limit }: Rehearsed): Promise<string[]> {
  const command = await commandLine(handler, size, HANDLER_FOLDER, 'container')
  const on = { command, folder: HANDLER_FOLDER, leaves: false, limit: 2 * limit, afterReady: true }
  return [
    await compile(fixture('programs/start-handler.c')),
    '--ipc',
    ...(handler.network ? ['--network'] : []),
    ...(handler.privileged ? [] : ['--confined']),
    '--',
    ...(await observed(handler, on)),
  ]
}

/** Milliseconds without output after which a handler that is ready has said all that belongs to its start. */
const QUIET = 100

async function untilQuiet(folder: string): Promise<void> {
  let [known, since] = ['', performance.now()]
  const isQuiet = async (): Promise<boolean> => {
    const log = await readFile(handlerFiles(folder).log, 'utf8')
    if (log !== known) [known, since] = [log, performance.now()]
    return performance.now() - since >= QUIET
  }
  await holdsWithin(isQuiet, { limit: 10 * QUIET })
}

async function untilDone(host: Host, { handler, limit }: Rehearsed, pid: number): Promise<void> {
  const folder = hostPath(host, HANDLER_FOLDER)
  const { done } = handler
  const hasEnded = async (): Promise<boolean> => {
    if (typeof done === 'function' && (await done({ folder }))) await writeNew(seenFile(folder), '')
    return (await startTimeOf(pid, host)) === undefined
  }
  const ended = await holdsWithin(hasEnded, { limit })
  if ((await observedPoints(folder)) !== undefined) return
  const log = await readFile(handlerFiles(folder).log, 'utf8')
  const end = ended ? `before it was done, ${endSaidIn(log) ?? 'it ended'}` : 'a handler that is not done'
  throw new CriuBenchError({
    failed: `the ${handler.name} handler did not run before the dump`,
    found: end,
    expected: `the sign \`done\` after the trigger${ended ? '' : `, within ${limit / 1000} s`}`,
    fix: 'correct `trigger` and `done` in defineHandler({ … }), or the handler; its output is below',
    log,
  })
}
