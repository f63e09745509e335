import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { launch, type GuardReport, type LaunchReport, type LaunchRequest } from '../container/launcher.ts'
import { readLog, RESTORE, stagesIn } from '../criu/log.ts'
import { RESTORE_LOG, restoreLimit } from '../criu/restore.ts'
import { BUNDLE } from '../criu/bundle.ts'
import {
  environmentOf,
  HANDLER_FOLDER,
  handlerFiles,
  isObserved,
  reportsItself,
  RUN_FOLDER,
  runFolderOf,
  runsTwice,
} from '../handlers/handler.ts'
import { answers } from '../handlers/definition.ts'
import { observed, seenFile } from '../handlers/observe.ts'
import { readRestoreStats, type RestoreStats } from '../images/index.ts'
import { WORK } from '../installation/paths.ts'
import type { Host } from '../host/host.ts'
import { nowOn } from '../machine/clock.ts'
import type { Milliseconds, Nanoseconds } from '../units.ts'
import type { TimePoints } from '../../reports/timeline.ts'
import type { Checkpoint } from './checkpoint.ts'
import { checkClock } from './clock-check.ts'
import { checkChecksum, failureOf } from './failures.ts'
import { handlerResultOf } from './handler-result.ts'
import { readAccount, type MemoryAccount } from './memory-account.ts'
import { spinFor, type InjectedDelay } from './injected-delay.ts'
import { layOutSample } from './sample-folder.ts'

export type { Checkpoint } from './checkpoint.ts'

/** One real run: container, restore, execution. */
export interface RestoreSample {
  /** `drained` only if the strategy loads pages after the start and the handler reports its own start. */
  readonly points: TimePoints
  readonly checksum: string
  /** Undefined for a start from scratch. */
  readonly stats: RestoreStats | undefined
  /** How long CRIU was in each stage, ms. Only if the checkpoint keeps CRIU's log. */
  readonly stages?: Readonly<Record<string, Milliseconds>>
  /** Calls that the launcher handled instead of the kernel. Null without guarded memory. */
  readonly guard: GuardReport | null
  /** Undefined for a handler that does not report it. */
  readonly memory: MemoryAccount | undefined
}

export interface RestoreRun {
  readonly sample: RestoreSample
  /** Output to show if a step is run by hand. */
  readonly output: { readonly launcher: string; readonly handler: string }
  /** CRIU's log, if the checkpoint keeps it; otherwise empty. */
  readonly log: string
}

export interface RestoreOptions {
  /** Time limit of the whole run, ms. */
  readonly timeout?: number
  /** With '0' the restored process waits until the caller writes '1' to the lock in `folder`. */
  readonly lock?: '0' | '1'
  readonly injectedDelay?: InjectedDelay
}

/** A run that has started. `folder` contains the handler's files. */
export interface StartedRestore {
  readonly folder: string
  readonly ended: Promise<RestoreRun>
}

/**
 * Starts a lean container, restores the process in it and lets it execute. Each run gets new files for the handler
 * (lock, report and log) in the host's memory, which are bound into the container. So many runs, in turn or at once,
 * can share one image set. Throws CriuBenchError if the restore fails or the checksum differs.
 */
export async function runRestore(checkpoint: Checkpoint, options: RestoreOptions = {}): Promise<RestoreRun> {
  return (await startRestore(checkpoint, options)).ended
}

/** The first half of runRestore: checks the images, creates the handler's files and starts the launcher. */
export async function startRestore(
  checkpoint: Checkpoint,
  options: RestoreOptions = {},
): Promise<StartedRestore> {
  const { host, rootfs, restorable, handler } = checkpoint
  const { lock = '1', injectedDelay } = options
  await restorable.check()
  const folder = await layOutSample({
    ...checkpoint,
    dumped: restorable.fromScratch ? undefined : rootfs,
    lock,
    delay: injectedDelay?.where === 'handler' ? BigInt(injectedDelay.nanoseconds) : undefined,
  })
  const request = await requestFor(checkpoint, folder.onHost, options)
  const spawned = await nowOn(host)
  const { done } = handler
  const launched = typeof done === 'function' ? launchUntil(done, host, request, folder.path) : launch(host, request) // prettier-ignore
  return {
    folder: folder.path,
    ended: launched.then((report) => finish(checkpoint, folder.path, spawned, report)),
  }
}

/** What the launcher is asked for to restore a checkpoint with the files in `folder`, a path on the host. */
export async function requestFor(
  checkpoint: Checkpoint,
  folder: string,
  { timeout = restoreLimit(checkpoint.size), injectedDelay }: RestoreOptions = {},
): Promise<LaunchRequest> {
  const { containerName, restorable, handler } = checkpoint
  return {
    name: containerName,
    ...filesOf(checkpoint),
    command: await commandOf(checkpoint, timeout),
    binds: [[folder, WORK]],
    network: handler.network,
    ...(restorable.fromScratch && {
      env: environmentOf(handler, HANDLER_FOLDER),
      // CRIU needs root's capabilities, and restores those that the process had.
      confined: !handler.privileged,
    }),
    guard: restorable.guard,
    spin: spinFor(injectedDelay),
    timeout,
  }
}

/** The container's root, and what is mounted in it beside the handler's folder. */
function filesOf({ rootfs, restorable, handler: { readOnly } }: Checkpoint) {
  const { root = rootfs.path, layered = [], fromScratch } = restorable
  const criu = fromScratch || rootfs.localCriu === undefined ? [] : [[rootfs.localCriu, BUNDLE] as const]
  return {
    rootfs: root,
    readOnlyRoot: readOnly,
    layered: readOnly ? [] : layered,
    readOnly: [...(readOnly ? layered : []), ...restorable.readOnly, ...criu],
  }
}

async function finish(
  checkpoint: Checkpoint,
  folder: string,
  spawned: Nanoseconds,
  launched: LaunchReport,
): Promise<RestoreRun> {
  const { handler, restorable } = checkpoint
  const log = await readFile(handlerFiles(folder).log, 'utf8')
  const done = await handlerResultOf(handler, folder, restorable.fromScratch === true, checkpoint.checksum)
  // The checksum is checked first: a handler with wrong memory may also exit with an error, which says less.
  if (done) checkChecksum(checkpoint, done.checksum, log)
  const criuLog = await readLog(join(runFolderOf(folder), RESTORE_LOG))
  if (launched.status !== 0 || !done)
    throw failureOf(checkpoint, { ...launched, stderr: launched.stderr + criuLog }, done, log)
  const { checksum, ...ownPoints } = done
  const drained = reportsItself(handler) ? await restorable.drained?.(runFolderOf(folder)) : undefined
  const { containerStarted, namespacesStarted, mountsStarted, mountsEnded, restoreStarted, commandExecuted, containerGone } = launched // prettier-ignore
  const points = { spawned, containerStarted, namespacesStarted, mountsStarted, mountsEnded, restoreStarted, commandExecuted, ...ownPoints, containerGone, ...(drained !== undefined && { drained }) } // prettier-ignore
  checkClock(points, launched.monotonic)
  const stats = restorable.fromScratch
    ? undefined
    : await readRestoreStats(join(runFolderOf(folder), 'stats-restore'))
  // A handler that started from scratch has run twice by now, so its counters are not those of one run.
  const memory = restorable.fromScratch ? undefined : await readAccount(folder)
  return {
    sample: {
      points,
      checksum,
      stats,
      ...(criuLog !== '' && { stages: stagesIn(criuLog, RESTORE) }),
      guard: launched.guard,
      memory,
    },
    output: { launcher: launched.stdout, handler: log },
    log: criuLog,
  }
}

/**
 * The command that the container executes. If the handler is observed, the observer runs CRIU, takes
 * over the restored process, and waits until the process is done.
 */
async function commandOf(checkpoint: Checkpoint, limit: Milliseconds): Promise<string[]> {
  const { handler, restorable, pid } = checkpoint
  if (!isObserved(handler)) return restorable.command(RUN_FOLDER)
  const command = restorable.command(RUN_FOLDER, 'leave')
  const leaves = restorable.fromScratch !== true
  const restoredPid = leaves ? pid : undefined
  // Less than the launcher's limit, because the observer's error says what it waited for.
  const again = !leaves && answers(handler) && runsTwice(handler)
  return observed(handler, { command, folder: HANDLER_FOLDER, leaves, again, pid: restoredPid, limit: limit * 0.9 }) // prettier-ignore
}

/** Launches a container while it polls the user's function. An error of that function ends the container. */
async function launchUntil(
  isDone: (seen: { folder: string }) => boolean | Promise<boolean>,
  host: Host,
  request: LaunchRequest,
  folder: string,
): Promise<LaunchReport> {
  const stop = new AbortController()
  const launched = launch(host, { ...request, signal: stop.signal })
  try {
    await reportWhenDone(isDone, folder, launched)
  } catch (error) {
    stop.abort()
    await launched.catch(() => {}) // It was ended: what counts is why.
    throw error
  }
  return launched
}

/** Polls the user's function while the container runs, and signals the observer, which takes the time. */
async function reportWhenDone(
  isDone: (seen: { folder: string }) => boolean | Promise<boolean>,
  folder: string,
  running: Promise<unknown>,
): Promise<void> {
  const ended = new AbortController()
  const end = (): void => ended.abort()
  running.then(end, end)
  while (!ended.signal.aborted) {
    if (await isDone({ folder })) return writeFile(seenFile(folder), '', { flag: 'wx' })
    await delay(1)
  }
}
