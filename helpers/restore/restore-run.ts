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
import { nowOn } from '../host/clock.ts'
import { hostPath, type Host } from '../host/host.ts'
import { WORK } from '../installation/paths.ts'
import type { Bytes, Milliseconds, Nanoseconds } from '../units.ts'
import { checkOrder, type TimePoints } from '../../reports/timeline.ts'
import { readAccount, type MemoryAccount } from './memory-account.ts'
import { spinFor, type InjectedDelay } from './injected-delay.ts'
import type { Rootfs } from '../checkpoint/rootfs.ts'
import type { Restorable } from '../strategies/index.ts'

/** What a body needs: a rootfs with images, and what the process in them must give. */
export interface Checkpoint {
  readonly host: Host
  readonly rootfs: Rootfs
  readonly restorable: Restorable
  readonly containerName: string
  readonly handler: Handler
  readonly size: Bytes
  /** What the dumped process had, and has again; the steps by hand do without. */
  readonly pid?: number
  /** Checksum from before the dump. */
  readonly checksum: string
}

/** One real run of the body: container, restore, execution. */
export interface Sample {
  readonly points: TimePoints
  readonly checksum: string
  /** Undefined where nothing was restored. */
  readonly stats: RestoreStats | undefined
  /** What the launcher answered in place of the kernel; null where nothing is guarded. */
  readonly guard: GuardReport | null
  /** When the last page had come in; undefined where none comes later. */
  readonly drained: Nanoseconds | undefined
  /** Undefined for a handler that keeps no accounts. */
  readonly memory: MemoryAccount | undefined
}

/** How long pages still came in while the restored process ran, ms: zero where all were there before it did. */
export function drainOf({ points, drained }: Sample): Milliseconds | undefined {
  if (drained === undefined || points.c === undefined) return undefined
  return drained > points.c ? Number(drained - points.c) / 1e6 : 0
}

export interface Trial {
  readonly sample: Sample
  /** What the steps run by hand show besides. */
  readonly output: { readonly launcher: string; readonly handler: string }
}

/** A sample's own folder, named by its container: several may run at once. */
const sampleFolder = (containerName: string): string => join(WORK, 'samples', containerName)

/**
 * Starts a lean container, restores the process in it and lets it execute. The handler's own files (lock at 1, empty
 * report and log) are laid out afresh on the host's local memory and bound into the container, so that many samples,
 * one after the other or at once, share one image set. Throws CriuBenchError when anything is not as it was dumped.
 */
export async function runTrial(checkpoint: Checkpoint, options: TrialOptions = {}): Promise<Trial> {
  return (await startRestore(checkpoint, options)).ended
}

export interface TrialOptions {
  /** Milliseconds for the whole body. */
  readonly timeout?: number
  /** '0' restores a process that waits until somebody writes '1' to the lock in `folder`. */
  readonly lock?: '0' | '1'
  /** A slow-down that is really executed, to see whether it is found. */
  readonly injectedDelay?: InjectedDelay
}

/** A body that runs; `folder` has the handler's own files. */
export interface StartedTrial {
  readonly folder: string
  readonly ended: Promise<Trial>
}

/** The first half of runTrial: everything is checked and laid out, and the launcher is started. */
export async function startRestore(
  checkpoint: Checkpoint,
  options: TrialOptions = {},
): Promise<StartedTrial> {
  const { host, rootfs, restorable, containerName, size, handler } = checkpoint
  const { timeout = restoreLimit(size), lock = '1', injectedDelay } = options
  const shown = sampleFolder(containerName)
  const folder = hostPath(host, shown)
  await restorable.check()
  // What else the handler has in its folder is as it was at the dump, for each sample anew.
  await rm(folder, { recursive: true, force: true })
  const dumped = hostPath(host, join(rootfs.path, HANDLER_FOLDER))
  if (!restorable.fromScratch) await cp(dumped, folder, { recursive: true })
  const inHandler = injectedDelay?.where === 'handler' ? injectedDelay.nanoseconds : undefined
  await layOut(folder, inHandler === undefined ? lock : 'D')
  if (inHandler !== undefined) await writeFile(`${handlerFiles(folder).lock}.delay`, String(inHandler))
  if (typeof handler.trigger === 'object' && 'file' in handler.trigger)
    await writeFile(join(folder, handler.trigger.file), '')
  const command = await commandOf(checkpoint, timeout)
  const s = await nowOn(host)
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
  return { folder, ended: launched.then((report) => finish(checkpoint, folder, s, report)) }
}

async function finish(
  checkpoint: Checkpoint,
  folder: string,
  s: Nanoseconds,
  launched: LaunchReport,
): Promise<Trial> {
  const { handler, restorable } = checkpoint
  const log = await readFile(handlerFiles(folder).log, 'utf8')
  const done = await outcomeOf(checkpoint, folder)
  // First: a handler that reads other memory than before may say so by its exit status, too.
  if (done) checkChecksum(checkpoint, done.checksum)
  if (launched.status !== 0 || !done) throw notRestored(checkpoint, launched, done, log)
  const { c, d } = done
  const points = {
    s,
    a: launched.containerStarted,
    b: launched.restoreStarted,
    ...(c !== undefined && { c }),
    d,
    e: launched.containerGone,
  }
  checkOrder(points)
  const stats = restorable.fromScratch ? undefined : await readRestoreStats(join(folder, 'stats-restore'))
  // From scratch it has run twice by then.
  const memory = restorable.fromScratch ? undefined : await readAccount(folder)
  const drained = reportsItself(handler) ? await restorable.drained?.(folder) : undefined
  const sample = { points, checksum: done.checksum, stats, guard: launched.guard, drained, memory }
  return { sample, output: { launcher: launched.stdout, handler: log } }
}

interface Outcome extends Pick<TimePoints, 'c' | 'd'> {
  readonly checksum: string
}

/** What the handler reported, or the observer saw. From scratch, the run before the handler waits is the one that counts. */
async function outcomeOf({ handler, restorable }: Checkpoint, folder: string): Promise<Outcome | undefined> {
  if (!reportsItself(handler)) {
    const d = await observedDone(folder)
    return d === undefined ? undefined : { d, checksum: await checksumOf(handler, folder) }
  }
  const lines = await readReport(handlerFiles(folder).report)
  const done = doneIn(lines)
  const { handlerStarted, handlerEnded } = readyIn(lines) ?? {}
  if (!done) return undefined
  const { checksum } = done
  if (restorable.fromScratch && handlerStarted !== undefined && handlerEnded !== undefined)
    return { c: handlerStarted, d: handlerEnded, checksum }
  return { c: done.handlerStarted, d: done.handlerEnded, checksum }
}

/** A restore that is observed leaves the process to the observer, which sees its answer and then that CRIU has ended. */
async function commandOf(checkpoint: Checkpoint, limit: Milliseconds): Promise<string[]> {
  const { handler, restorable, pid } = checkpoint
  if (!isObserved(handler)) return restorable.command(HANDLER_FOLDER)
  const command = restorable.command(HANDLER_FOLDER, 'leave')
  const leaves = restorable.fromScratch !== true
  // Before the launcher's own limit: the observer knows what it waited for.
  return observed(handler, { command, folder: HANDLER_FOLDER, leaves, pid, limit: limit * 0.9 })
}

/** Asks a function of the user's, while the container runs, and tells the observer, which has the better clock. */
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
    fix: 'this is a wrong restore: keep the images and look at how they were written',
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
