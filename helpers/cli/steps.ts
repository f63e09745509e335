import { existsSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Settings } from '../config/options.ts'
import { exportedCriu, findBaseImage } from '../criu/base-image.ts'
import { findCriu } from '../criu/binary.ts'
import { dump } from '../criu/dump.ts'
import { CriuBenchError } from '../errors.ts'
import { checkMountPoint, unmount as unmountFilesystem } from '../filesystems/mount-point.ts'
import { TMPFS_SOURCE, tmpfs } from '../filesystems/tmpfs.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { startHandler } from '../handlers/start.ts'
import { checkContainerName } from '../cgroup/cgroups.ts'
import { ownCommand } from '../installation/own-command.ts'
import { localHost } from '../host/host.ts'
import { readMounts } from '../mount/mounts.ts'
import { WORK } from '../installation/paths.ts'
import { checkMemory, filesystemRoom } from '../checkpoint/memory-requirements.ts'
import { readManifest, writeManifest } from './manifest.ts'
import { durationOf } from '../../reports/timeline.ts'
import { copyForRestore, DUMP_FOLDER, populateRootfs, IMAGES_FOLDER } from '../checkpoint/rootfs.ts'
import { strategyNamed } from '../strategies/index.ts'
import { runPhases } from '../matrix/phases.ts'
import { runRestore } from '../restore/restore-run.ts'
import { describeBytes, formatMilliseconds, formatSize, type Bytes } from '../units.ts'

/**
 * The reference's steps, run by hand in this machine's own mount namespace. Each prints the same output as in the
 * reference.
 */
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const progress = (line: string): void => void process.stderr.write(`▸ ${line}\n`)

const containerName = (settings: Settings): string => settings.containerName ?? 'vitest-criu'

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
  await checkMemory(size)
  // Always tmpfs, as in the reference. It stays mounted without a process.
  const mounted = await tmpfs.mount(localHost, point, filesystemRoom(size))
  say(`${mounted.description}, mounted on ${point}: room for a dump of ${formatSize(size)} and its copy`)
}

export async function rootfs(settings: Settings): Promise<void> {
  const point = rootfsOf(settings)
  await checkMountedByStep(point)
  await checkContainerName(containerName(settings))
  const image = await findBaseImage(settings.baseImage, progress)
  const exported = await populateRootfs(localHost, image, point, containerName(settings))
  say(`${image.description}, exported to ${point}: its CRIU is ${exported.criu}`)
}

export async function dumpStep(settings: Settings): Promise<void> {
  const point = rootfsOf(settings)
  const size = sizeOf(settings)
  await checkMountedByStep(point)
  await checkMemory(size)
  const criu = await findCriu(progress)
  await using handler = await startHandler(localHost, handlerNamed(settings.handler), size)
  say(`TARGET_PID=${handler.pid}`)
  const images = join(point, DUMP_FOLDER)
  const result = await dump(handler.host, {
    criu: criu.path,
    pid: handler.pid,
    images,
    size,
    leaveRunning: false,
  })
  await writeManifest(localHost, point, { handler: handler.name, size, checksum: handler.checksum })
  const seconds = (result.total / 1000).toFixed(6).padStart(9, '0')
  say(`(${seconds}) Dumping finished successfully`)
}

export async function copy(settings: Settings): Promise<void> {
  const point = rootfsOf(settings)
  const { handler, size } = await readManifest(localHost, point)
  const { files, bytes } = await copyForRestore(localHost, point)
  const criu = exportedCriu(localHost, point)
  const origin = { handler: handlerNamed(handler), size }
  for (const name of settings.strategies)
    await strategyNamed(name).prepare(localHost, { path: point, criu }, origin)
  say(`${files} files and the images (${describeBytes(bytes)}) copied to ${point}, lock at 1`)
}

export async function restore(settings: Settings): Promise<void> {
  const point = rootfsOf(settings)
  await checkContainerName(containerName(settings))
  const { size, checksum, ...manifest } = await readManifest(localHost, point)
  const handler = handlerNamed(manifest.handler)
  checkCopied(point)
  const exported = { path: point, criu: exportedCriu(localHost, point) }
  const strategy = strategyNamed(settings.strategies[0] ?? 'mapped')
  const restorable = await strategy.open(localHost, exported, { handler, size })
  const name = containerName(settings)
  const { sample, output } = await runRestore({
    host: localHost,
    rootfs: exported,
    restorable,
    containerName: name,
    handler,
    size,
    checksum,
  })
  process.stdout.write(output.launcher + output.handler)
  progress(
    runPhases(handler, strategy)
      .map((phase) => `${phase} ${formatMilliseconds(durationOf(sample.points, phase) ?? Number.NaN)} ms`)
      .join(', '),
  )
}

/** Undoes every step: removes the mount with everything on it, and the contents of the work folder. */
export async function unmount(settings: Settings): Promise<void> {
  const point = rootfsOf(settings)
  await checkMountedByStep(point)
  await unmountFilesystem(localHost, point)
  for (const name of await readdir(WORK).catch(() => []))
    await rm(join(WORK, name), { recursive: true, force: true })
  say(`${point} unmounted`)
}

function checkCopied(point: string): void {
  if (existsSync(join(point, IMAGES_FOLDER))) return
  throw new CriuBenchError({
    failed: `cannot restore on ${point}`,
    found: 'a rootfs without copied images',
    expected: 'a rootfs after the step copy',
    fix: ownCommand('copy'),
  })
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
