import { cp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { launch, type GuardReport, type LaunchReport } from '../container/launcher.ts'
import { explainFailure, restoreLimit } from '../criu/restore.ts'
import { CriuBenchError } from '../errors.ts'
import { HANDLER_FOLDER, handlerFiles } from '../handlers/handler.ts'
import { doneIn, readReport, type DoneReport } from '../handlers/report.ts'
import { layOut } from '../handlers/start.ts'
import { readRestoreStats, type RestoreStats } from '../images/index.ts'
import { nowOn } from '../system/clock.ts'
import { seenFrom, type Host } from '../system/host.ts'
import { WORK } from '../system/paths.ts'
import type { Bytes, Milliseconds, Nanoseconds } from '../units.ts'
import { checkOrder, type TimePoints } from './phases.ts'
import { readAccount, type MemoryAccount } from './memory.ts'
import type { Rootfs } from './rootfs.ts'
import type { Restorable } from './strategies/index.ts'

/** What a body needs: a rootfs with images, and what the process in them must give. */
export interface Checkpoint {
  readonly host: Host
  readonly rootfs: Rootfs
  readonly restorable: Restorable
  readonly containerName: string
  readonly size: Bytes
  /** Checksum from before the dump. */
  readonly checksum: string
}

/** One real run of the body: container, restore, execution. */
export interface Sample {
  readonly points: TimePoints
  readonly checksum: string
  readonly stats: RestoreStats
  /** What the launcher answered in place of the kernel; null where nothing is guarded. */
  readonly guard: GuardReport | null
  /** When the last page had come in; undefined where none comes later. */
  readonly drained: Nanoseconds | undefined
  /** Undefined for a handler that keeps no accounts. */
  readonly memory: MemoryAccount | undefined
}

/** How long pages still came in while the restored process ran, ms: zero where all were there before it did. */
export function drainOf({ points, drained }: Sample): Milliseconds | undefined {
  if (drained === undefined) return undefined
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
  const { host, rootfs, restorable, containerName, size } = checkpoint
  const { timeout = restoreLimit(size), lock = '1' } = options
  const shown = sampleFolder(containerName)
  const folder = seenFrom(host, shown)
  await restorable.check()
  // What else the handler has in its folder is as it was at the dump, for each sample anew.
  await rm(folder, { recursive: true, force: true })
  await cp(seenFrom(host, join(rootfs.path, HANDLER_FOLDER)), folder, { recursive: true })
  await layOut(folder, lock)
  const s = await nowOn(host)
  const launched = launch(host, {
    name: containerName,
    rootfs: rootfs.path,
    command: restorable.command(HANDLER_FOLDER),
    binds: [
      [shown, HANDLER_FOLDER],
      ...(rootfs.localCriu === undefined ? [] : [[rootfs.localCriu, rootfs.criu] as const]),
    ],
    guard: restorable.guard,
    timeout,
  })
  return { folder, ended: launched.then((report) => finish(checkpoint, folder, s, report)) }
}

async function finish(
  checkpoint: Checkpoint,
  folder: string,
  s: Nanoseconds,
  launched: LaunchReport,
): Promise<Trial> {
  const files = handlerFiles(folder)
  const log = await readFile(files.log, 'utf8')
  const done = doneIn(await readReport(files.report))
  // First: a handler that reads other memory than before may say so by its exit status, too.
  if (done) checkChecksum(checkpoint, done.checksum)
  if (launched.status !== 0 || !done) throw notRestored(checkpoint, launched, done, log)
  const points = { s, a: launched.a, b: launched.b, c: done.start, d: done.end, e: launched.e }
  checkOrder(points)
  const stats = await readRestoreStats(join(folder, 'stats-restore'))
  const memory = await readAccount(folder)
  const drained = await checkpoint.restorable.drained?.(folder)
  const sample = { points, checksum: done.checksum, stats, guard: launched.guard, drained, memory }
  return { sample, output: { launcher: launched.stdout, handler: log } }
}

function checkChecksum({ size, checksum }: Checkpoint, found: string): void {
  if (found === checksum) return
  throw new CriuBenchError({
    failed: `the restored process has other memory than the dumped one (${size} bytes)`,
    found: `checksum ${found}`,
    expected: `${checksum}, from before the dump`,
    mend: 'this is a wrong restore: keep the images and look at how they were written',
  })
}

function notRestored(
  { rootfs, restorable }: Checkpoint,
  launched: LaunchReport,
  done: DoneReport | undefined,
  log: string,
): CriuBenchError {
  const explained = explainFailure(launched.stderr)
  return new CriuBenchError({
    failed: `cannot restore on ${rootfs.path} in the lean container (${restorable.strategy})`,
    found: `exit status ${launched.status}${done ? '' : ', and no word from the handler that it is done'}`,
    expected: 'exit status 0 and the handler done',
    mend: explained.mend,
    log: [explained.log, log.trim()].filter(Boolean).join('\n'),
  })
}
