import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { launch, type GuardReport, type LaunchReport } from '../container/launcher.ts'
import { explainFailure, restoreLimit } from '../criu/restore.ts'
import { CriuBenchError } from '../errors.ts'
import { hasOwnNetwork, type Handler } from '../handlers/definition.ts'
import {
  environmentOf,
  HANDLER_FOLDER,
  handlerFiles,
  isObserved,
  reportsItself,
} from '../handlers/handler.ts'
import { checksumOf, observed, observedDone, seenFile } from '../handlers/observe.ts'
import { doneIn, readReport, readyIn } from '../handlers/report.ts'
import { layOut } from '../handlers/start.ts'
import { readRestoreStats, type RestoreStats } from '../images/index.ts'
import { nowOn } from '../machine/clock.ts'
import { hostPath, type Host } from '../host/host.ts'
import { WORK } from '../installation/paths.ts'
import type { Bytes, Milliseconds, Nanoseconds } from '../units.ts'
import { areInOrder, type TimePoints } from '../../reports/timeline.ts'
import { readAccount, type MemoryAccount } from './memory-account.ts'
import { spinFor, type InjectedDelay } from './injected-delay.ts'
import type { Rootfs } from '../checkpoint/rootfs.ts'
import type { Restorable } from '../strategies/index.ts'

/** A rootfs with images, and what a process that is restored from them must give. */
export interface Checkpoint {
  readonly host: Host
  readonly rootfs: Rootfs
  readonly restorable: Restorable
  readonly containerName: string
  readonly handler: Handler
  readonly size: Bytes
  /** The pid of the dumped process, which the restored one has again. The steps by hand do without it. */
  readonly pid?: number
  /** Checksum from before the dump. */
  readonly checksum: string
}

/** One real run: container, restore, execution. */
export interface RestoreSample {
  /** `drained` only where the strategy loads pages after the start and the handler tells its own start. */
  readonly points: TimePoints
  readonly checksum: string
  /** Undefined where nothing was restored. */
  readonly stats: RestoreStats | undefined
  /** Calls that the launcher answered in place of the kernel; null where nothing is guarded. */
  readonly guard: GuardReport | null
  /** Undefined for a handler that keeps no accounts. */
  readonly memory: MemoryAccount | undefined
}

export interface RestoreRun {
  readonly sample: RestoreSample
  /** The output that the steps by hand show. */
  readonly output: { readonly launcher: string; readonly handler: string }
}

/** A sample's own folder, named after its container: several may run at once. */
const sampleFolder = (containerName: string): string => join(WORK, 'samples', containerName)

export interface RestoreOptions {
  /** Milliseconds for the whole run. */
  readonly timeout?: number
  /** '0' restores a process that waits until somebody writes '1' to the lock in `folder`. */
  readonly lock?: '0' | '1'
  readonly injectedDelay?: InjectedDelay
}

/** A run that has started. `folder` has the handler's own files. */
export interface StartedRestore {
  readonly folder: string
  readonly ended: Promise<RestoreRun>
}

/**
 * Starts a lean container, restores the process in it and lets it execute. The handler's own files (lock at 1, empty
 * report and log) are made afresh in the host's local memory and bound into the container, so that many runs, in turn or
 * at once, share one image set. Throws CriuBenchError where the process is not as it was dumped.
 */
export async function runRestore(checkpoint: Checkpoint, options: RestoreOptions = {}): Promise<RestoreRun> {
  return (await startRestore(checkpoint, options)).ended
}

/** The first half of runRestore: everything is checked and laid out, and the launcher is started. */
export async function startRestore(
  checkpoint: Checkpoint,
  options: RestoreOptions = {},
): Promise<StartedRestore> {
  const { host, rootfs, restorable, containerName, size, handler } = checkpoint
  const { timeout = restoreLimit(size), lock = '1', injectedDelay } = options
  const shown = sampleFolder(containerName)
  const folder = hostPath(host, shown)
  await restorable.check()
  // Each sample gets the handler's folder as it was at the dump.
  await rm(folder, { recursive: true, force: true })
  const dumped = hostPath(host, join(rootfs.path, HANDLER_FOLDER))
  if (!restorable.fromScratch) await cp(dumped, folder, { recursive: true })
  const inHandler = injectedDelay?.where === 'handler' ? injectedDelay.nanoseconds : undefined
  await layOut(folder, inHandler === undefined ? lock : 'D')
  if (inHandler !== undefined) await writeFile(`${handlerFiles(folder).lock}.delay`, String(inHandler))
  if (typeof handler.trigger === 'object' && 'file' in handler.trigger)
    await writeFile(join(folder, handler.trigger.file), '')
  const command = await commandOf(checkpoint, timeout)
  const spawned = await nowOn(host)
  const launched = launch(host, {
    name: containerName,
    rootfs: restorable.root ?? rootfs.path,
    command,
    binds: [
      [shown, HANDLER_FOLDER],
      ...(rootfs.localCriu === undefined || restorable.fromScratch
        ? []
        : [[rootfs.localCriu, rootfs.criu] as const]),
    ],
    ...(restorable.readOnly && { readOnly: restorable.readOnly }),
    network: hasOwnNetwork(handler),
    ...(restorable.fromScratch && { env: environmentOf(handler, HANDLER_FOLDER) }),
    guard: restorable.guard,
    spin: spinFor(injectedDelay),
    timeout,
  })
  if (typeof handler.done === 'function') void tellWhen(handler.done, folder, launched)
  return { folder, ended: launched.then((report) => finish(checkpoint, folder, spawned, report)) }
}

async function finish(
  checkpoint: Checkpoint,
  folder: string,
  spawned: Nanoseconds,
  launched: LaunchReport,
): Promise<RestoreRun> {
  const { handler, restorable } = checkpoint
  const log = await readFile(handlerFiles(folder).log, 'utf8')
  const done = await outcomeOf(checkpoint, folder)
  // The checksum first: a handler that reads other memory than before may say so by its exit status, too.
  if (done) checkChecksum(checkpoint, done.checksum)
  if (launched.status !== 0 || !done) throw notRestored(checkpoint, launched, done, log)
  const { checksum, ...ownPoints } = done
  const drained = reportsItself(handler) ? await restorable.drained?.(folder) : undefined
  const { containerStarted, restoreStarted, containerGone } = launched
  const points = { spawned, containerStarted, restoreStarted, ...ownPoints, containerGone, ...(drained !== undefined && { drained }) } // prettier-ignore
  checkOrder(points)
  const stats = restorable.fromScratch ? undefined : await readRestoreStats(join(folder, 'stats-restore'))
  // A handler that started from scratch has run twice by now: its accounts are not those of one run.
  const memory = restorable.fromScratch ? undefined : await readAccount(folder)
  return {
    sample: { points, checksum, stats, guard: launched.guard, memory },
    output: { launcher: launched.stdout, handler: log },
  }
}

/** Refuses points that do not follow each other: the clock was set during the run. */
function checkOrder(points: TimePoints): void {
  if (areInOrder(points)) return
  throw new CriuBenchError({
    failed: 'cannot use a sample: its time points are not in order',
    found: Object.entries(points)
      .map(([name, point]) => `${name}=${String(point)}`)
      .join(' '),
    expected: 'one after the other on CLOCK_REALTIME',
    fix: 'stop what sets the clock (NTP step, virtual machine resume) and run again',
  })
}

interface Outcome extends Pick<TimePoints, 'handlerStarted' | 'handlerEnded'> {
  readonly checksum: string
}

/** What the handler reported, or the observer saw. From scratch, the run before the handler waits is the one that counts. */
async function outcomeOf({ handler, restorable }: Checkpoint, folder: string): Promise<Outcome | undefined> {
  if (!reportsItself(handler)) {
    const handlerEnded = await observedDone(folder)
    return handlerEnded === undefined
      ? undefined
      : { handlerEnded, checksum: await checksumOf(handler, folder) }
  }
  const lines = await readReport(handlerFiles(folder).report)
  const done = doneIn(lines)
  if (!done) return undefined
  const { checksum } = done
  const { handlerStarted, handlerEnded } = readyIn(lines) ?? {}
  if (restorable.fromScratch && handlerStarted !== undefined && handlerEnded !== undefined)
    return { handlerStarted, handlerEnded, checksum }
  return { handlerStarted: done.handlerStarted, handlerEnded: done.handlerEnded, checksum }
}

/** An observed restore leaves the process to the observer, which waits for its answer and then for the end of CRIU. */
async function commandOf(checkpoint: Checkpoint, limit: Milliseconds): Promise<string[]> {
  const { handler, restorable, pid } = checkpoint
  if (!isObserved(handler)) return restorable.command(HANDLER_FOLDER)
  const command = restorable.command(HANDLER_FOLDER, 'leave')
  const leaves = restorable.fromScratch !== true
  // Before the launcher's own limit: the observer knows what it waited for.
  return observed(handler, { command, folder: HANDLER_FOLDER, leaves, pid, limit: limit * 0.9 })
}

/** Polls the user's function while the container runs, and tells the observer, which has the better clock. */
async function tellWhen(
  isDone: (seen: { folder: string }) => boolean | Promise<boolean>,
  folder: string,
  running: Promise<unknown>,
): Promise<void> {
  const ended = new AbortController()
  const end = (): void => ended.abort()
  running.then(end, end)
  while (!ended.signal.aborted) {
    if (await isDone({ folder })) return writeFile(seenFile(folder), '')
    await delay(1)
  }
}

function checkChecksum({ size, checksum }: Checkpoint, found: string): void {
  if (found === checksum) return
  throw new CriuBenchError({
    failed: `the restored process has other memory than the dumped one (${size} bytes)`,
    found: `checksum ${found}`,
    expected: `${checksum}, from before the dump`,
    fix: 'this is a wrong restore: keep the images, and report it',
  })
}

function notRestored(
  { rootfs, restorable }: Checkpoint,
  launched: LaunchReport,
  done: Outcome | undefined,
  log: string,
): CriuBenchError {
  const explained = explainFailure(launched.stderr)
  return new CriuBenchError({
    failed: `cannot ${restorable.fromScratch ? 'start' : 'restore'} on ${rootfs.path} in the lean container (${restorable.strategy})`,
    found: `exit status ${launched.status}${done ? '' : ', and no word from the handler that it is done'}`,
    expected: 'exit status 0 and the handler done',
    fix: explained.fix,
    log: [explained.log, log.trim()].filter(Boolean).join('\n'),
  })
}
