import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { CephSettings, Settings } from '../config/options.ts'
import { findBaseImage } from '../criu/base-image.ts'
import { findCriu } from '../criu/binary.ts'
import { dump, dumpStatsFile, type DumpResult } from '../criu/dump.ts'
import { CriuBenchError } from '../errors.ts'
import { checkPresent, whileMounted, type Filesystem, type MountedFilesystem } from '../filesystems/index.ts'
import { checkMountPoint } from '../filesystems/mount-point.ts'
import type { Handler } from '../handlers/definition.ts'
import { isObserved } from '../handlers/handler.ts'
import { observer } from '../handlers/observe.ts'
import { startHandler, type WaitingHandler } from '../handlers/start.ts'
import { readDumpStats, type DumpStats } from '../images/index.ts'
import { controlName } from './control.ts'
import { hostPath, type Host } from '../host/host.ts'
import type { Network } from '../network/network.ts'
import { NoiseWatch } from './noise.ts'
import { WORK } from '../installation/paths.ts'
import { formatMilliseconds, type Bytes } from '../units.ts'
import { checkMemory, filesystemRoom } from '../checkpoint/memory-requirements.ts'
import {
  copyForRestore,
  DUMP_FOLDER,
  exportRootfs,
  installLocally,
  keepProbeCache,
  type Rootfs,
} from '../checkpoint/rootfs.ts'
import type { Strategy } from '../strategies/index.ts'
import type { Checkpoint } from '../restore/restore-run.ts'
import { countOf, isEnough, withConditions, type Conditions, type Effort } from './sampling.ts'

export interface Plan extends Effort {
  readonly filesystem: Filesystem
  readonly size: Bytes
  readonly handler: Handler
  /** The network by which both hosts reach the filesystem's servers; this machine's loopback when left out. */
  readonly network?: Network | undefined
  /** What the user set for the filesystem `ceph`. */
  readonly ceph?: CephSettings | undefined
  /** What containers read CRIU's program from; the filesystem when left out. */
  readonly criuOn?: Settings['criuOn'] | undefined
  /** Ways in which it is to be restored. */
  readonly strategies: readonly Strategy[]
  readonly containerName: string
  /** The host that restores, where that is another than the one that dumps. */
  readonly restoreOn?: Host | undefined
  /** Where to mount: the user's folder; one of the host's private work folder when left out. */
  readonly rootfs?: string | undefined
  /** The name of that private folder, where several checkpoints are on one host. */
  readonly privateName?: string
  readonly baseImage?: string | undefined
  /** Dumps before the first that counts. */
  readonly warmup: number
}

export interface DumpSample extends DumpResult, Conditions {
  readonly stats: DumpStats
}

/** A checkpoint that is ready to be restored; disposing of it unmounts its filesystem. */
export interface Prepared extends AsyncDisposable {
  /** The same checkpoint, for each strategy asked for, in their order. */
  readonly checkpoints: readonly Checkpoint[]
  readonly dumps: readonly DumpSample[]
  /** As many dumps once more, of the same handler started anew; none where the filesystem is on another host by now. */
  dumpAgain(): Promise<readonly DumpSample[]>
  readonly baseImage: string
  /** What ran beside each dump, and does beside each sample, by its content. */
  readonly control: string
  readonly mounted: MountedFilesystem
}

type Progress = (line: string) => void

/**
 * The set-up of one suite, in the reference's order: mount, rootfs, dump, copy. All of it happens on `host`; where
 * another one restores, the filesystem then moves there, and leaves nothing cached behind. Half-built, it undoes itself.
 */
export async function prepare(host: Host, plan: Plan, progress: Progress): Promise<Prepared> {
  checkPresent(plan.filesystem, plan)
  await checkMemory(plan.size, plan.filesystem.inMemory(plan))
  await using undo = new AsyncDisposableStack()
  const mounted = undo.use(await mountFor(host, plan, progress))
  const filled = await whileMounted(mounted, fill(host, plan, mounted, progress))
  if (plan.restoreOn)
    await whileMounted(mounted, moveTo(plan.restoreOn, mounted, filled.rootfs, plan, progress))
  const checkpoints = await whileMounted(mounted, open(plan.restoreOn ?? host, plan, filled))
  const owned = undo.move()
  const dumpAgain = plan.restoreOn ? () => Promise.resolve([]) : filled.dumpAgain
  return { ...filled, dumpAgain, checkpoints, mounted, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function mountFor(host: Host, plan: Plan, progress: Progress): Promise<MountedFilesystem> {
  const { filesystem, size } = plan
  const point = plan.rootfs ?? join(WORK, plan.privateName ?? 'rootfs')
  if (plan.rootfs === undefined) await mkdir(hostPath(host, point), { recursive: true })
  await checkMountPoint(host, point)
  progress(`mounting ${filesystem.name}`)
  return filesystem.mount(host, point, filesystemRoom(size), {
    progress,
    ceph: plan.ceph,
    network: plan.network,
  })
}

/** What was dumped, with all that its restores need. */
interface Filled extends Pick<Prepared, 'dumps' | 'dumpAgain' | 'baseImage' | 'control'> {
  readonly rootfs: Rootfs
  /** Of the dumped process, and so of the restored ones. */
  readonly pid: number
  readonly checksum: string
}

/** Everything that lies on the mounted filesystem. */
async function fill(host: Host, plan: Plan, mounted: MountedFilesystem, progress: Progress): Promise<Filled> {
  const { point, servers } = mounted
  const criu = await findCriu(progress)
  const image = await findBaseImage(plan.baseImage, progress)
  progress(`exporting the base image: ${image.description}`)
  const rootfs = await exportRootfs(host, image, point, plan.containerName)
  progress(`starting the ${plan.handler.name} handler`)
  await using handler = await startHandler(host, plan.handler, plan.size)
  const place = { criu: criu.path, images: join(point, DUMP_FOLDER), servers }
  const dumps = await dumpRepeatedly(plan, handler, place, progress)
  progress('copying images and files')
  await copyForRestore(host, point, isObserved(plan.handler) ? [await observer()] : [])
  for (const strategy of plan.strategies) {
    progress(`preparing the ${strategy.name} restore`)
    await strategy.prepare(host, rootfs, plan)
  }
  const { pid, checksum } = handler
  const dumpAgain = () => dumpAnew(host, plan, place, progress)
  const control = await controlName()
  return { dumps, dumpAgain, baseImage: image.description, control, rootfs, pid, checksum }
}

/** Takes the filesystem to the host that restores, whose kernel its CRIU probes anew. */
async function moveTo(
  host: Host,
  mounted: MountedFilesystem,
  rootfs: Rootfs,
  { containerName }: Plan,
  progress: Progress,
): Promise<void> {
  const { name, point } = mounted
  if (!mounted.moveTo) throw notShared(name)
  progress(`moving ${name} to the host that restores`)
  await mkdir(hostPath(host, point), { recursive: true })
  await checkMountPoint(host, point)
  await mounted.moveTo(host)
  await keepProbeCache(host, rootfs, containerName)
}

const notShared = (name: string): CriuBenchError =>
  new CriuBenchError({
    failed: `cannot restore on another host what was dumped to ${name}`,
    found: `${name}, which no other host can mount`,
    expected: 'a shared filesystem',
    fix: 'VITEST_CRIU_FILESYSTEMS=ceph, or unset VITEST_CRIU_RESTORE_ON',
  })

/** The checkpoint, for each strategy, on the host that restores. */
async function open(host: Host, plan: Plan, filled: Filled): Promise<Checkpoint[]> {
  const { containerName, handler, size } = plan
  const { pid, checksum } = filled
  const rootfs = plan.criuOn === 'local' ? await installLocally(host, filled.rootfs) : filled.rootfs
  const checkpoints: Checkpoint[] = []
  for (const strategy of plan.strategies) {
    const restorable = await strategy.open(host, rootfs, plan)
    checkpoints.push({ host, rootfs, restorable, containerName, handler, size, pid, checksum })
  }
  return checkpoints
}

/** What a dump is taken by, and where it goes. */
interface Place {
  readonly criu: string
  readonly images: string
  readonly servers: Host | undefined
}

async function dumpAnew(host: Host, plan: Plan, place: Place, progress: Progress): Promise<DumpSample[]> {
  await using handler = await startHandler(host, plan.handler, plan.size)
  return await dumpRepeatedly(plan, handler, place, progress)
}

/** The last dump ends the process, as the reference's does; the ones before it let it run on. */
async function dumpRepeatedly(
  { warmup, size, ...effort }: Plan,
  { pid, host }: WaitingHandler,
  { criu, images, servers }: Place,
  progress: Progress,
): Promise<DumpSample[]> {
  const dumps: DumpSample[] = []
  // The handler waits on it by spinning.
  const watch = new NoiseWatch([host, ...(servers ? [servers] : [])])
  // Servers of our own still write what the dump before has given them.
  const idle = servers ? undefined : host
  const dumpOnce = async (leaveRunning: boolean) => {
    const result = await dump(host, { criu, pid, images, size, leaveRunning })
    return { ...result, stats: await readDumpStats(dumpStatsFile(host)) }
  }
  let started = 0
  for (let index = -warmup, isLast = false; !isLast; index++) {
    if (index <= 0) started = performance.now()
    isLast = isEnough(index + 1, started, effort)
    const sample = await withConditions(idle, watch, () => dumpOnce(!isLast))
    if (index >= 0) dumps.push(sample)
    const which = index < 0 ? 'warm-up dump' : `dump ${countOf(index + 1, effort)}`
    progress(`${which}: ${formatMilliseconds(sample.total)} ms`)
  }
  return dumps
}
