import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { CephSettings, Settings } from '../config/options.ts'
import { findBaseImage } from '../criu/base-image.ts'
import { findCriu } from '../criu/binary.ts'
import { dump, dumpStatsFile, type DumpResult } from '../criu/dump.ts'
import { checkPresent, whileMounted, type Filesystem, type MountedFilesystem } from '../filesystems/index.ts'
import { checkMountPoint } from '../filesystems/mount-point.ts'
import type { Handler } from '../handlers/definition.ts'
import { isObserved } from '../handlers/handler.ts'
import { observer } from '../handlers/observe.ts'
import { startHandler, type WaitingHandler } from '../handlers/start.ts'
import { readDumpStats, type DumpStats } from '../images/index.ts'
import { seenFrom, type Host } from '../system/host.ts'
import { NoiseWatch } from '../system/noise.ts'
import { WORK } from '../system/paths.ts'
import { formatMilliseconds, type Bytes } from '../units.ts'
import { checkMemory, filesystemRoom } from './demand.ts'
import { copyForRestore, DUMP_FOLDER, exportRootfs, installLocally } from './rootfs.ts'
import type { Strategy } from './strategies/index.ts'
import type { Checkpoint } from './trial.ts'

export interface Plan {
  readonly filesystem: Filesystem
  readonly size: Bytes
  readonly handler: Handler
  /** What the user set for the filesystem `ceph`. */
  readonly ceph?: CephSettings | undefined
  /** What containers read CRIU's program from; the filesystem when left out. */
  readonly criuOn?: Settings['criuOn'] | undefined
  /** Ways in which it is to be restored. */
  readonly strategies: readonly Strategy[]
  readonly containerName: string
  /** Where to mount: the user's folder; one of the host's private work folder when left out. */
  readonly rootfs?: string | undefined
  /** The name of that private folder, where several checkpoints are on one host. */
  readonly privateName?: string
  readonly baseImage?: string | undefined
  /** Dumps that count, and those before them that do not. */
  readonly iterations: number
  readonly warmup: number
}

export interface DumpSample extends DumpResult {
  readonly stats: DumpStats
  /** What disturbed the machine meanwhile. */
  readonly noise?: readonly string[]
}

/** A checkpoint that is ready to be restored; disposing of it unmounts its filesystem. */
export interface Prepared extends AsyncDisposable {
  /** The same checkpoint, for each strategy asked for, in their order. */
  readonly checkpoints: readonly Checkpoint[]
  readonly dumps: readonly DumpSample[]
  /** As many dumps once more, of the same handler started anew; what is restored stays as it is. */
  dumpAgain(): Promise<readonly DumpSample[]>
  readonly baseImage: string
  readonly mounted: MountedFilesystem
}

type Progress = (line: string) => void

/** The set-up of one suite, in the reference's order: mount, rootfs, dump, copy. Half-built, it undoes itself. */
export async function prepare(host: Host, plan: Plan, progress: Progress): Promise<Prepared> {
  checkPresent(plan.filesystem, plan)
  await checkMemory(plan.size, plan.filesystem.inMemory(plan))
  await using undo = new AsyncDisposableStack()
  const mounted = undo.use(await mountFor(host, plan, progress))
  const filled = await whileMounted(mounted, fill(host, plan, mounted.point, progress))
  const owned = undo.move()
  return { ...filled, mounted, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function mountFor(host: Host, plan: Plan, progress: Progress): Promise<MountedFilesystem> {
  const { filesystem, size } = plan
  const point = plan.rootfs ?? join(WORK, plan.privateName ?? 'rootfs')
  if (plan.rootfs === undefined) await mkdir(seenFrom(host, point), { recursive: true })
  await checkMountPoint(host, point)
  progress(`mounting ${filesystem.name}`)
  return filesystem.mount(host, point, filesystemRoom(size), { progress, ceph: plan.ceph })
}

/** Everything that lies on the mounted filesystem. */
async function fill(
  host: Host,
  plan: Plan,
  point: string,
  progress: Progress,
): Promise<Pick<Prepared, 'checkpoints' | 'dumps' | 'dumpAgain' | 'baseImage'>> {
  const criu = await findCriu(progress)
  const image = await findBaseImage(plan.baseImage, progress)
  progress(`exporting the base image: ${image.description}`)
  const exported = await exportRootfs(host, image, point, plan.containerName)
  const rootfs = plan.criuOn === 'local' ? await installLocally(host, exported) : exported
  progress(`starting the ${plan.handler.name} handler`)
  await using handler = await startHandler(host, plan.handler, plan.size)
  const dumps = await dumpRepeatedly(plan, handler, { criu: criu.path, point }, progress)
  progress('copying images and files')
  await copyForRestore(host, point, isObserved(plan.handler) ? [await observer()] : [])
  const checkpoints: Checkpoint[] = []
  for (const strategy of plan.strategies) {
    progress(`preparing the ${strategy.name} restore`)
    await strategy.prepare(host, rootfs, plan)
    const restorable = await strategy.open(host, rootfs, plan)
    const { containerName, size, handler: of } = plan
    const { pid, checksum } = handler
    checkpoints.push({ host, rootfs, restorable, containerName, handler: of, size, pid, checksum })
  }
  const dumpAgain = () => dumpAnew(host, plan, { criu: criu.path, point }, progress)
  return { checkpoints, dumps, dumpAgain, baseImage: image.description }
}

async function dumpAnew(
  host: Host,
  plan: Plan,
  place: { criu: string; point: string },
  progress: Progress,
): Promise<DumpSample[]> {
  await using handler = await startHandler(host, plan.handler, plan.size)
  return await dumpRepeatedly(plan, handler, place, progress)
}

/** The last dump ends the process, as the reference's does; the ones before it let it run on. */
async function dumpRepeatedly(
  { iterations, warmup, size }: Plan,
  { pid, host }: WaitingHandler,
  { criu, point }: { criu: string; point: string },
  progress: Progress,
): Promise<DumpSample[]> {
  const dumps: DumpSample[] = []
  // The handler waits by spinning.
  const watch = new NoiseWatch([seenFrom(host, `/proc/${pid}/stat`)])
  for (let index = -warmup; index < iterations; index++) {
    const leaveRunning = index < iterations - 1
    const result = await dump(host, { criu, pid, images: join(point, DUMP_FOLDER), size, leaveRunning })
    const stats = await readDumpStats(dumpStatsFile(host))
    const noise = await watch.look()
    if (index >= 0) dumps.push({ ...result, stats, ...(noise && { noise }) })
    const which = index < 0 ? 'warm-up dump' : `dump ${index + 1}/${iterations}`
    progress(`${which}: ${formatMilliseconds(result.total)} ms`)
  }
  return dumps
}
