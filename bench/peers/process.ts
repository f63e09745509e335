/** The process that peers restore: the native handler, whose answer is a checksum of its memory. */
import { HANDLER_FOLDER, handlerFiles } from '../../helpers/handlers/handler.ts'
import { doneIn, readReport, type DoneReport } from '../../helpers/handlers/report.ts'
import { writeNew } from '../../helpers/handlers/running.ts'
import { hostPath } from '../../helpers/host/host.ts'
import { waitFor } from '../../helpers/process/wait.ts'
import type { Site } from '../site.ts'

export interface RestoredProcess {
  readonly command: readonly string[]
  readonly checksum: string
}

/** Milliseconds for a run of the handler. */
const LIMIT = 60_000

const filesIn = ({ sandbox }: Site) => handlerFiles(hostPath(sandbox, HANDLER_FOLDER))

/** Puts the handler's files back: the lock says whether it waits or runs. */
export async function layOut(site: Site, lock: '0' | '1'): Promise<void> {
  const files = filesIn(site)
  await writeNew(files.report, '')
  await writeNew(files.lock, lock)
}

/** Waits until the started process is ready for a checkpoint. */
export async function untilReady(site: Site): Promise<void> {
  const isReady = async () => (await readReport(filesIn(site).report)).length > 0
  await waitFor(isReady, { failed: 'cannot take a checkpoint', found: 'a process that is not ready', expected: 'its checksum', fix: 'start it by hand', limit: LIMIT, interval: 10 }) // prettier-ignore
}

/** Waits until the restored process is done, and returns its answer. */
export async function untilDone(site: Site): Promise<DoneReport> {
  const look = async () => doneIn(await readReport(filesIn(site).report))
  let done = await look()
  const isDone = async () => (done ??= await look()) !== undefined
  await waitFor(isDone, { failed: 'cannot measure a restore', found: 'no answer of the process', expected: 'its checksum', fix: 'run the restore by hand', limit: LIMIT, interval: 2 }) // prettier-ignore
  if (!done) throw new Error('unreachable: the wait ends with an answer or an error')
  return done
}
