import { join } from 'node:path'
import type { Settings } from '../config/options.ts'
import { findBaseImage } from '../criu/base-image.ts'
import { BUNDLE, criuCommand } from '../criu/bundle.ts'
import { dump } from '../criu/dump.ts'
import { CriuBenchError } from '../errors.ts'
import { checkMountPoint, unmount as unmountFilesystem } from '../filesystems/mount-point.ts'
import { TMPFS_SOURCE, tmpfs } from '../filesystems/tmpfs.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { startHandler } from '../handlers/start.ts'
import { ownCommand } from '../installation/own-command.ts'
import { makeFolder } from '../host/folders.ts'
import { localHost } from '../host/host.ts'
import { readMounts } from '../mount/mounts.ts'
import { WORK } from '../installation/paths.ts'
import { checkMemory, filesystemRoom } from '../checkpoint/memory-requirements.ts'
import { containerNameOf } from '../measure/host-pairs.ts'
import { run } from '../process/process.ts'
import { openSandbox, type Sandbox } from '../sandbox/sandbox.ts'
import { forgetCopied, forgetDumped, readCopied, readDumped, writeCopied, writeDumped, type Copied } from './manifest.ts' // prettier-ignore
import { durationOf } from '../../reports/timeline.ts'
import { furtherFiles } from '../checkpoint/further-files.ts'
import { copyForRestore, DUMP_FOLDER, populateRootfs, rootfsAt } from '../checkpoint/rootfs.ts'
import { strategyNamed, type Strategy } from '../strategies/index.ts'
import { runPhases } from '../matrix/phases.ts'
import { runRestore, type RestoreRun } from '../restore/restore-run.ts'
import { describeBytes, formatMilliseconds, formatSize, type Bytes } from '../units.ts'

/**
 * The reference's steps, run by hand. The mount is in this machine's own mount namespace; what runs in between is in a
 * sandbox, which ends with the step. Each prints the same output as in the reference.
 */
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const progress = (line: string): void => void process.stderr.write(`▸ ${line}\n`)

function rootfsOf(settings: Settings): string {
  if (settings.rootfs !== undefined) return settings.rootfs
  throw new CriuBenchError({
    failed: 'cannot choose a folder for the rootfs',
    found: 'no environment variable ROOTFS_ABS_PATH',
    expected: 'ROOTFS_ABS_PATH with the absolute path of an empty folder',
    fix: 'mkdir .base && export ROOTFS_ABS_PATH="$PWD/.base"',
  })
}

const sizeOf = ({ sizes }: Settings): Bytes => Math.max(...sizes)

export async function mount(settings: Settings): Promise<void> {
  const point = rootfsOf(settings)
  const size = sizeOf(settings)
  await checkMountPoint(localHost, point)
  const { bytes } = await findBaseImage(settings.baseImage, progress)
  const room = filesystemRoom(size, bytes)
  await checkMemory(size, room)
  // Always tmpfs, as in the reference. It stays mounted without a process.
  const mounted = await tmpfs.mount(localHost, point, room)
  say(`${mounted.description}, mounted on ${point}: room for a dump of ${formatSize(size)} and its copy`)
}

export async function rootfs(settings: Settings): Promise<void> {
  const point = rootfsOf(settings)
  await checkMountedByStep(point)
  const image = await findBaseImage(settings.baseImage, progress)
  const exported = await inSandbox(settings, (sandbox) =>
    populateRootfs(sandbox, image, point, sandbox.containerName),
  )
  say(`criu ${exported.version}, ${image.description}, exported to ${point}: its CRIU is in ${BUNDLE}`)
}

export async function dumpStep(settings: Settings): Promise<void> {
  const point = rootfsOf(settings)
  const size = sizeOf(settings)
  await checkMountedByStep(point)
  await checkMemory(size)
  const total = await inSandbox(settings, async (sandbox) => {
    await forgetDumped(sandbox, point)
    await using handler = await startHandler(sandbox, handlerNamed(settings.handler), size)
    const { pid, name, checksum, opened, hasOwnNetwork: connections } = handler
    say(`TARGET_PID=${pid}`)
    const images = join(point, DUMP_FOLDER)
    const criu = criuCommand(sandbox, join(point, BUNDLE))
    const result = await dump(handler.host, { criu, pid, images, size, connections, leaveRunning: false })
    const dumpedAt = new Date().toISOString()
    await writeDumped(sandbox, point, { handler: name, size, checksum, opened, pid, dumpedAt })
    return result.total
  })
  const seconds = (total / 1000).toFixed(6).padStart(9, '0')
  say(`(${seconds}) Dumping finished successfully`)
}

export async function copy(settings: Settings): Promise<void> {
  const point = rootfsOf(settings)
  const dumped = await readDumped(localHost, point)
  const origin = { ...dumped, handler: handlerNamed(dumped.handler) }
  const { files, images } = await inSandbox(settings, async (sandbox) => {
    await forgetCopied(sandbox, point)
    const copies = await copyForRestore(sandbox, point, await furtherFiles(sandbox, origin))
    const exported = rootfsAt(sandbox, point)
    for (const name of settings.strategies) await strategyNamed(name).prepare(sandbox, exported, origin)
    await writeCopied(sandbox, point, { dumped, strategies: settings.strategies })
    return copies
  })
  const copied = `${files.count} files (${describeBytes(files.bytes)}) and the images (${describeBytes(images)})`
  say(`${copied} copied to ${point}, lock at 1`)
}

export async function restore(settings: Settings): Promise<void> {
  const point = rootfsOf(settings)
  const copied = await readCopied(localHost, point)
  const handler = handlerNamed(copied.dumped.handler)
  const strategy = strategyNamed(settings.strategies[0] ?? 'mapped')
  const { sample, output } = await inSandbox(settings, (sandbox) =>
    restoreIn(sandbox, point, copied, strategy),
  )
  process.stdout.write(output.launcher + output.handler)
  progress(
    runPhases(handler, strategy)
      .map((phase) => `${phase} ${formatMilliseconds(durationOf(sample.points, phase) ?? Number.NaN)} ms`)
      .join(', '),
  )
}

async function restoreIn(
  host: Sandbox,
  point: string,
  { dumped, strategies }: Copied,
  strategy: Strategy,
): Promise<RestoreRun> {
  const { size, checksum, pid } = dumped
  const handler = handlerNamed(dumped.handler)
  const origin = { ...dumped, handler }
  const exported = rootfsAt(host, point)
  if (!strategies.includes(strategy.name)) {
    await strategy.prepare(host, exported, origin)
    await writeCopied(host, point, { dumped, strategies: [...strategies, strategy.name] })
  }
  const restorable = await strategy.open(host, exported, origin)
  const { containerName } = host
  return runRestore({ host, rootfs: exported, restorable, containerName, handler, size, checksum, pid })
}

/** Undoes every step: removes the mount with everything on it. */
export async function unmount(settings: Settings): Promise<void> {
  const point = rootfsOf(settings)
  await checkMountedByStep(point)
  await unmountFilesystem(localHost, point)
  say(`${point} unmounted`)
}

/** The work folder of the steps, in the rootfs: two rootfs share nothing, and it goes with the mount. */
const WORK_FOLDER = '.work'

/**
 * Runs a part of a step in a sandbox: whatever interrupts the step, its processes and its cgroup end with it. What the
 * step leaves in its work folder, the next step finds there.
 */
async function inSandbox<T>(settings: Settings, part: (sandbox: Sandbox) => Promise<T>): Promise<T> {
  const folder = join(rootfsOf(settings), WORK_FOLDER)
  await using sandbox = await openSandbox(containerNameOf(settings))
  await makeFolder(sandbox, folder)
  await run(sandbox, {
    argv: ['mount', '--bind', folder, WORK],
    failed: `cannot bind ${folder} on ${WORK}`,
    fix: 'run as root with CAP_SYS_ADMIN',
    timeout: 10_000,
  })
  return await part(sandbox)
}

/** Throws CriuBenchError if the step `mount` did not mount this filesystem: no other is written to, or unmounted. */
async function checkMountedByStep(point: string): Promise<void> {
  const mounted = (await readMounts()).findLast((entry) => entry.point === point)
  if (mounted?.source === TMPFS_SOURCE) return
  throw new CriuBenchError({
    failed: `cannot use ROOTFS_ABS_PATH=${point}`,
    found: mounted
      ? `${mounted.type} (${mounted.source}), mounted by someone else`
      : 'a folder on which nothing is mounted',
    expected: `a filesystem mounted by \`${ownCommand('mount')}\``,
    fix: ownCommand('mount'),
  })
}
