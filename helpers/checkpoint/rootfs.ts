import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { launch } from '../container/launcher.ts'
import { exportBaseImage, type BaseImage } from '../criu/base-image.ts'
import { BUNDLE, criuCommand } from '../criu/bundle.ts'
import { checkCriu } from '../criu/check.ts'
import { CriuBenchError } from '../errors.ts'
import { HANDLER_FOLDER, handlerFiles } from '../handlers/handler.ts'
import {
  neededFiles,
  parentDeathSignal,
  readImageSet,
  validateImageSet,
  type ImageSet,
  type NeededFile,
} from '../images/index.ts'
import { makeFolder } from '../host/folders.ts'
import { hostPath, type Host } from '../host/host.ts'
import { hostPathInside, insideRootfs } from '../host/inside.ts'
import { WORK } from '../installation/paths.ts'
import { run } from '../process/process.ts'
import type { Bytes } from '../units.ts'
import { checkSource, copyFolder, copyInside, copyLinks, type CopiedFiles } from './copied-files.ts'
import { NO_FURTHER_FILES, type FurtherFiles } from './further-files.ts'

/** The folder of the rootfs for the dump. */
export const DUMP_FOLDER = '/.dump'
/** The folder of the rootfs for the copy of the dump that containers restore from. */
export const IMAGES_FOLDER = '/images'

/** A root directory that containers can start on. */
export interface Rootfs {
  /** Path on the host. */
  readonly path: string
  /** The words that run CRIU in a container. */
  readonly criu: readonly string[]
  /** Arguments for restores, in addition to the usual ones. */
  readonly restoreArguments?: readonly string[]
  /** Path of a copy of CRIU's bundle in the host's memory, which containers use instead of the one in the rootfs. */
  readonly localCriu?: string
}

/** The rootfs at `path`, which has its CRIU. */
export const rootfsAt = (host: Host, path: string): Rootfs => ({
  path,
  criu: criuCommand(host, join(path, BUNDLE), BUNDLE),
})

/** Copies CRIU from the rootfs to the host's memory, as if the machine had it installed. Returns the bundle's path. */
export async function installLocally(host: Host, rootfs: Rootfs): Promise<string> {
  const folder = join(WORK, `criu-${basename(rootfs.path)}`)
  await run(host, {
    argv: ['cp', '--archive', '--no-target-directory', join(rootfs.path, BUNDLE), folder],
    failed: `cannot copy CRIU to ${folder}`,
    fix: 'free memory on the host',
    timeout: 60_000,
  })
  return folder
}

/**
 * Exports the base image to `path`, checks its CRIU and lets it probe the host's kernel. `name` is that of the container.
 */
export async function populateRootfs(
  host: Host,
  image: BaseImage,
  path: string,
  name: string,
): Promise<Rootfs & { version: string }> {
  await exportBaseImage(host, image, path)
  await makeFolder(host, await insideRootfs(host, path, HANDLER_FOLDER))
  const version = await checkCriu(host, criuCommand(host, join(path, BUNDLE)), image.description)
  const rootfs = rootfsAt(host, path)
  await keepProbeCache(host, rootfs, name)
  return { ...rootfs, version }
}

/**
 * Lets the CRIU of the rootfs probe the kernel in a container, and stores the result, /run/criu.kdat, in the rootfs.
 * The launcher copies it into each container's new /run, because otherwise every start would probe the kernel again,
 * which takes tens of milliseconds. `criu check` itself may fail, because a lean container lacks terminals and tunnels.
 * Throws CriuBenchError if it leaves no criu.kdat.
 */
export async function keepProbeCache(host: Host, rootfs: Rootfs, name: string): Promise<void> {
  // CRIU writes the cache only to tmpfs.
  const seen = await mkdtemp(hostPath(host, '/dev/shm/vitest-criu-'))
  try {
    const folder = join('/dev/shm', basename(seen))
    const command = [...rootfs.criu, 'check']
    const check = await launch(host, {
      name,
      rootfs: rootfs.path,
      command,
      binds: [[folder, '/run']],
      timeout: 30_000,
    })
    if (!existsSync(join(seen, 'criu.kdat'))) {
      throw new CriuBenchError({
        failed: 'cannot use the base image: its criu cannot probe this kernel in a container',
        found: `exit status ${check.status} of \`criu check\` in the lean container on ${rootfs.path}, and no criu.kdat`,
        expected: 'the file /run/criu.kdat, which a complete probe writes',
        fix: 'set BASE_IMAGE=build to have a CRIU built for this kernel',
        log: check.stderr,
      })
    }
    for (const file of await readdir(seen))
      await copyFile(join(seen, file), await hostPathInside(host, rootfs.path, join('/run', file)))
  } finally {
    await rm(seen, { recursive: true, force: true })
  }
}

/**
 * Throws CriuBenchError for a process that is to end with its parent, if CRIU ends before it: CRIU is its parent then. Only
 * the images tell.
 */
export async function checkOutlivesParent(host: Host, rootfs: string, name: string): Promise<void> {
  const signal = parentDeathSignal(await validateImages(host, join(rootfs, DUMP_FOLDER)))
  if (signal === 0) return
  throw new CriuBenchError({
    failed: `cannot restore the ${name} handler`,
    found: `a process that asked for signal ${signal} when its parent ends (PR_SET_PDEATHSIG)`,
    expected: 'a process that outlives its parent: after a restore its parent is CRIU, which ends at once',
    fix: 'start it without that request, which `setpriv --pdeathsig` makes, for example',
  })
}

/** Reads and validates an image set, before CRIU gets it. Throws CriuBenchError. */
export async function validateImages(host: Host, folder: string): Promise<ImageSet> {
  const set = await readImageSet(hostPath(host, folder))
  validateImageSet(set)
  return set
}

/** What was copied: bytes of images, and files beside them. */
export interface Copied {
  readonly images: Bytes
  readonly files: CopiedFiles
}

/**
 * Copies everything that a restore needs into the rootfs: the images, the files that the dumped process had open or
 * mapped (the images list them), the whole of the handler's folder, and `further` files. Checks sizes and modes in advance
 * as CRIU does at a restore. Throws CriuBenchError.
 */
export async function copyForRestore(
  host: Host,
  rootfs: string,
  further: FurtherFiles = NO_FURTHER_FILES,
): Promise<Copied> {
  const dump = join(rootfs, DUMP_FOLDER)
  const needed = neededFiles(await validateImages(host, dump))
  // The container has a /proc of its own.
  const files = needed.filter(({ kind, path }) => kind === 'file' && !/^\/proc(\/|$)/.test(path))
  for (const file of files) await checkSource(host, file)
  await makeFolders(host, rootfs, needed.filter(({ kind }) => kind === 'directory')) // prettier-ignore
  await copyLinks(host, rootfs, further.links)
  const paths = [...files.map(({ path }) => path), ...further.paths].filter((path) => !isOwn(path))
  const copied = await copyInside(host, rootfs, [...new Set(paths)])
  await copyFolder(host, HANDLER_FOLDER, await insideRootfs(host, rootfs, HANDLER_FOLDER))
  // The images are copied last, so that a failed copy cannot be restored.
  const { stdout } = await run(host, {
    argv: ['sh', '-ec', 'rm -rf "$1"; cp -a "$2" "$1"; du -sb "$1"', 'sh', join(rootfs, IMAGES_FOLDER), dump],
    failed: `cannot copy the images to ${rootfs}`,
    fix: 'free space on the filesystem',
    timeout: 600_000,
  })
  await validateImages(host, join(rootfs, IMAGES_FOLDER))
  await writeFile(await hostPathInside(host, rootfs, handlerFiles(HANDLER_FOLDER).lock), '1')
  return { images: Number.parseInt(stdout, 10), files: copied }
}

/** Whether it comes with the handler's folder. */
const isOwn = (path: string): boolean => path === HANDLER_FOLDER || path.startsWith(`${HANDLER_FOLDER}/`)

/**
 * Creates the folders that the process had open, such as its working directory. Files in them are copied separately.
 */
async function makeFolders(host: Host, rootfs: string, folders: readonly NeededFile[]): Promise<void> {
  for (const { path, mode } of folders) {
    const folder = await insideRootfs(host, rootfs, path)
    if (path === '/' || existsSync(hostPath(host, folder))) continue
    await makeFolder(host, folder)
    if (mode !== undefined) await chmod(hostPath(host, folder), mode & 0o7777)
  }
}
