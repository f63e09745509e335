import { join } from 'node:path'
import { checkMemory, filesystemRoom } from '../checkpoint/memory-requirements.ts'
import type { CopiedFiles } from '../checkpoint/copied-files.ts'
import { furtherFiles } from '../checkpoint/further-files.ts'
import { ensureRoom, ensureSampleRoom, ownFolderSize } from '../checkpoint/room.ts'
import {
  checkOutlivesParent,
  copyForRestore,
  DUMP_FOLDER,
  installLocally,
  keepProbeCache,
  populateRootfs,
  type Rootfs,
} from '../checkpoint/rootfs.ts'
import type { CephSettings, Settings } from '../config/options.ts'
import { findBaseImage, type BaseImage } from '../criu/base-image.ts'
import { criuCommand, criuIn } from '../criu/bundle.ts'
import type { CriuRecord, NamedCriu } from '../criu/named.ts'
import { KEEPING_LOG } from '../criu/restore.ts'
import { CriuBenchError } from '../errors.ts'
import { checkPresent, whileMounted, type Filesystem, type MountedFilesystem } from '../filesystems/index.ts'
import { checkMountPoint } from '../filesystems/mount-point.ts'
import type { Handler } from '../handlers/definition.ts'
import { isObserved } from '../handlers/handler.ts'
import type { Opened } from '../handlers/opened.ts'
import { startHandler } from '../handlers/start.ts'
import { hostPath, type Host } from '../host/host.ts'
import { makeFolder } from '../host/folders.ts'
import { WORK } from '../installation/paths.ts'
import type { Network } from '../network/network.ts'
import { hashOfFile } from '../programs/hash.ts'
import type { Checkpoint } from '../restore/restore-run.ts'
import type { Strategy } from '../strategies/index.ts'
import { describeBytes, type Bytes } from '../units.ts'
import { controlName, memoryControlName } from './control.ts'
import { takeDumps, type DumpSample, type DumpTarget } from './dumps.ts'
import { takeRewrites, type RewriteSample, type RewriteTarget } from './rewrites.ts'
import type { Effort } from './sampler.ts'

export interface CheckpointPlan extends Effort {
  readonly filesystem: Filesystem
  readonly size: Bytes
  readonly handler: Handler
  /** The options of the filesystem `ceph`. */
  readonly ceph?: CephSettings | undefined
  /** The CRIU that dumps and restores. Default: that of the base image. */
  readonly criu?: NamedCriu | undefined
  /** Where containers read CRIU's program from. Default: the filesystem. */
  readonly criuOn?: Settings['criuOn'] | undefined
  /** Set if CRIU's log of each restore is to be kept. */
  readonly keep?: Settings['keep'] | undefined
  /** The strategies that restore the checkpoint. */
  readonly strategies: readonly Strategy[]
  readonly containerName: string
  /** The host that restores, if it is not the one that dumps. */
  readonly restoreOn?: Host | undefined
  /** The network that connects the two hosts and the filesystem's servers. */
  readonly network?: Network | undefined
  /** The user's folder to mount on. Default: a private folder. */
  readonly rootfs?: string | undefined
  /** The name of the private folder, if one host has several checkpoints. */
  readonly privateName?: string
  readonly baseImage?: string | undefined
  /** Called with the error of a strategy, which is then left out. Missing if an error ends all strategies. */
  readonly onStrategyError?: (strategy: Strategy, error: unknown) => void
}

/** A checkpoint that is ready to be restored. Disposing of it unmounts its filesystem. */
export interface PreparedCheckpoint extends AsyncDisposable {
  /** The checkpoint for each strategy that has not failed, in the order of the plan. */
  readonly checkpoints: readonly Checkpoint[]
  readonly dumps: readonly DumpSample[]
  /** Missing if it is that of the base image. */
  readonly criu: CriuRecord | undefined
  /** The rewrites of each strategy that rewrites. */
  readonly rewrites: ReadonlyMap<Strategy, readonly RewriteSample[]>
  readonly baseImage: string
  /** The files that were copied for the restored process, beside the images and its own folder. */
  readonly files: CopiedFiles
  /** Names of the controls, with hashes of their content. */
  readonly control: string
  readonly memoryControl: string
  readonly mounted: MountedFilesystem
}

type Progress = (line: string) => void

/**
 * Sets up a checkpoint in the reference's order: mount, rootfs, dump, copy, all on `host`. If another host restores,
 * the filesystem then moves there, and nothing stays cached on `host`. A failure undoes what was done. Throws
 * CriuBenchError.
 */
export async function prepare(
  host: Host,
  plan: CheckpointPlan,
  progress: Progress,
): Promise<PreparedCheckpoint> {
  checkPresent(plan.filesystem, plan)
  const image = await imageFor(plan, progress)
  const room = filesystemRoom(plan.size, image.bytes)
  await checkMemory(plan.size, plan.filesystem.inMemory(plan) ? room : 0)
  await using undo = new AsyncDisposableStack()
  const mounted = undo.use(await mountFor(host, plan, room, progress))
  const dumped = await whileMounted(mounted, dumpOn(host, plan, { image, mounted }, progress))
  if (plan.restoreOn)
    await whileMounted(mounted, moveTo(plan.restoreOn, mounted, dumped.rootfs, plan, progress))
  const checkpoints = await whileMounted(mounted, openCheckpoints(plan.restoreOn ?? host, plan, dumped))
  const owned = undo.move()
  return { ...dumped, checkpoints, mounted, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** The base image, or that of a named CRIU, which errors then name. */
async function imageFor({ criu, baseImage }: CheckpointPlan, progress: Progress): Promise<BaseImage> {
  const image = await findBaseImage(criu?.path ?? baseImage, progress)
  return criu === undefined ? image : { ...image, description: `criu "${criu.name}": ${image.description}` }
}

async function mountFor(
  host: Host,
  plan: CheckpointPlan,
  room: Bytes,
  progress: Progress,
): Promise<MountedFilesystem> {
  const { filesystem, ceph, network } = plan
  const point = plan.rootfs ?? join(WORK, plan.privateName ?? 'rootfs')
  if (plan.rootfs === undefined) await makeFolder(host, point)
  await checkMountPoint(host, point)
  progress(`mounting ${filesystem.name}`)
  return filesystem.mount(host, point, room, { progress, ceph, network })
}

/** A dumped process with everything that its restores need. */
interface Dumped extends Pick<
  PreparedCheckpoint,
  'dumps' | 'rewrites' | 'criu' | 'baseImage' | 'files' | 'control' | 'memoryControl'
> {
  readonly rootfs: Rootfs
  /** The pid of the dumped process, and so of the restored ones. */
  readonly pid: number
  readonly checksum: string
  readonly opened: Opened
  /** Those that were prepared. */
  readonly strategies: readonly Strategy[]
}

/** Creates the rootfs, the images and the files for the handler on the mounted filesystem. */
async function dumpOn(
  host: Host,
  plan: CheckpointPlan,
  { image, mounted }: { image: BaseImage; mounted: MountedFilesystem },
  progress: Progress,
): Promise<Dumped> {
  const { handler, size, containerName } = plan
  const { point, servers } = mounted
  progress(`exporting the base image (${image.description})`)
  const exported = await populateRootfs(host, image, point, containerName)
  const restoreArguments = [...(plan.keep === undefined ? [] : KEEPING_LOG), ...(plan.criu?.restore ?? [])]
  const rootfs = { ...exported, restoreArguments }
  progress(`starting the ${handler.name} handler`)
  // What it writes before its dump, of which the size is not known yet.
  await ensureSampleRoom(host, size)
  await using waiting = await startHandler(host, handler, size)
  const { opened } = waiting
  const further = await furtherFiles(host, { handler, size, opened })
  const ownFolder = await ownFolderSize(host)
  await ensureRoom(host, mounted, { pid: waiting.pid, handler, further, ownFolder })
  for (const each of new Set([host, plan.restoreOn ?? host])) await ensureSampleRoom(each, ownFolder)
  // The CRIU that restores also dumps, because images of one version may be no good for another.
  const criu = criuCommand(host, await installLocally(host, rootfs))
  const target: DumpTarget = { criu, arguments: plan.criu?.dump, images: join(point, DUMP_FOLDER), servers }
  const dumps = await takeDumps(waiting, target, plan, progress)
  progress('copying images and files')
  if (isObserved(handler)) await checkOutlivesParent(host, point, handler.name)
  const { files } = await copyForRestore(host, point, further)
  progress(`copied ${files.count} files (${describeBytes(files.bytes)})`)
  const origin = { handler, size, opened }
  const prepared = await prepareStrategies(plan, { host, rootfs, servers, origin }, progress)
  const { pid, checksum } = waiting
  const [control, memoryControl] = [await controlName(), await memoryControlName(size)]
  const baseImage = `criu ${rootfs.version}, ${image.description}`
  const named = plan.criu && (await recordOf(host, plan.criu, rootfs))
  return { dumps, ...prepared, criu: named, baseImage, files, control, memoryControl, rootfs, pid, checksum, opened } // prettier-ignore
}

/** Prepares the restore of each strategy, and measures those that rewrite the dump for it. */
async function prepareStrategies(
  plan: CheckpointPlan,
  on: Omit<RewriteTarget, 'strategy'>,
  progress: Progress,
): Promise<Pick<Dumped, 'strategies' | 'rewrites'>> {
  const rewrites = new Map<Strategy, RewriteSample[]>()
  const strategies = await ofEach(plan, plan.strategies, async (strategy) => {
    progress(`preparing the ${strategy.name} restore`)
    if (strategy.rewrites === undefined) await strategy.prepare(on.host, on.rootfs, on.origin)
    else rewrites.set(strategy, await takeRewrites({ ...on, strategy }, strategy.rewrites, plan, progress))
    return strategy
  })
  return { strategies, rewrites }
}

const recordOf = async (
  host: Host,
  criu: NamedCriu,
  rootfs: Rootfs & { version: string },
): Promise<CriuRecord> => ({
  ...criu,
  version: rootfs.version,
  hash: await hashOfFile(hostPath(host, criuIn(rootfs.path))),
})

/** Runs an action for each strategy, and returns the results of those that do not fail. */
async function ofEach<T>(
  { onStrategyError }: CheckpointPlan,
  strategies: readonly Strategy[],
  action: (strategy: Strategy) => Promise<T>,
): Promise<T[]> {
  const results: T[] = []
  for (const strategy of strategies) {
    try {
      results.push(await action(strategy))
    } catch (error) {
      if (!onStrategyError) throw error
      onStrategyError(strategy, error)
    }
  }
  return results
}

/** Moves the filesystem to the host that restores, where CRIU must probe the kernel again. */
async function moveTo(
  host: Host,
  mounted: MountedFilesystem,
  rootfs: Rootfs,
  { containerName }: CheckpointPlan,
  progress: Progress,
): Promise<void> {
  const { name, point } = mounted
  if (!mounted.moveTo) throw notShared(name)
  progress(`moving ${name} to the host that restores`)
  await makeFolder(host, point)
  await checkMountPoint(host, point)
  await mounted.moveTo(host)
  await keepProbeCache(host, rootfs, containerName)
}

const notShared = (name: string): CriuBenchError =>
  new CriuBenchError({
    failed: `cannot restore from ${name} on a second host`,
    found: `${name}, which only one host can mount`,
    expected: 'a filesystem that both hosts can mount',
    fix: 'set VITEST_CRIU_FILESYSTEMS=ceph, or unset VITEST_CRIU_RESTORE_ON',
  })

/** Opens the checkpoint for each strategy, on the host that restores. */
async function openCheckpoints(host: Host, plan: CheckpointPlan, dumped: Dumped): Promise<Checkpoint[]> {
  const { containerName, handler, size } = plan
  const { pid, checksum, opened } = dumped
  const rootfs =
    plan.criuOn === 'local'
      ? { ...dumped.rootfs, localCriu: await installLocally(host, dumped.rootfs) }
      : dumped.rootfs
  return ofEach(plan, dumped.strategies, async (strategy) => {
    const restorable = await strategy.open(host, rootfs, { handler, size, opened })
    return { host, rootfs, restorable, containerName, handler, size, pid, checksum }
  })
}
