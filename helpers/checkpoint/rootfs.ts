import { existsSync } from 'node:fs'
import { chmod, copyFile, cp, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { launch } from '../container/launcher.ts'
import { exportBaseImage, type BaseImage } from '../criu/base-image.ts'
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
import { hostPath, type Host } from '../host/host.ts'
import { WORK } from '../installation/paths.ts'
import { run } from '../process/process.ts'
import type { Bytes } from '../units.ts'

/** The folder of the rootfs for the dump. */
export const DUMP_FOLDER = '/.dump'
/** The folder of the rootfs for the copy of the dump that containers restore from. */
export const IMAGES_FOLDER = '/images'

/** A root directory that containers can start on. */
export interface Rootfs {
  /** Path on the host. */
  readonly path: string
  /** Path of CRIU's program, as a container sees it. */
  readonly criu: string
  /** Path of a copy of CRIU in the host's memory, which containers use instead of the one in the rootfs. */
  readonly localCriu?: string
}

/** Lets containers on `rootfs` read CRIU's program from this host's memory, as if the machine had CRIU installed. */
export async function installLocally(host: Host, rootfs: Rootfs): Promise<Rootfs> {
  const localCriu = join(WORK, `criu-${basename(rootfs.path)}`)
  await copyFile(hostPath(host, join(rootfs.path, rootfs.criu)), hostPath(host, localCriu))
  return { ...rootfs, localCriu }
}

/** Exports the base image to `path` and lets its CRIU probe the host's kernel. `name` is that of the container. */
export async function populateRootfs(
  host: Host,
  image: BaseImage,
  path: string,
  name: string,
): Promise<Rootfs> {
  const criu = await exportBaseImage(host, image, path)
  await mkdir(hostPath(host, join(path, HANDLER_FOLDER)), { recursive: true })
  await keepProbeCache(host, { path, criu }, name)
  return { path, criu }
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
    const command = [rootfs.criu, 'check']
    const check = await launch(host, {
      name,
      rootfs: rootfs.path,
      command,
      binds: [[folder, '/run']],
      timeout: 30_000,
    })
    if (!existsSync(join(seen, 'criu.kdat'))) {
      throw new CriuBenchError({
        failed: `cannot use the base image: its ${rootfs.criu} cannot probe this kernel`,
        found: `exit status ${check.status} of \`criu check\` in the lean container on ${rootfs.path}, and no criu.kdat`,
        expected: 'the file /run/criu.kdat, which a complete probe writes',
        fix: 'unset BASE_IMAGE to have a CRIU built for this kernel',
        log: check.stderr,
      })
    }
    await cp(seen, hostPath(host, join(rootfs.path, 'run')), { recursive: true })
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

/**
 * Copies everything that a restore needs into the rootfs: the images, the files that the dumped process had open or
 * mapped (the images list them), and `programs`, which the container runs as well. Checks sizes and modes in advance as
 * CRIU does at a restore. Throws CriuBenchError.
 */
export async function copyForRestore(
  host: Host,
  rootfs: string,
  programs: readonly string[] = [],
): Promise<{ files: number; bytes: Bytes }> {
  const dump = join(rootfs, DUMP_FOLDER)
  const needed = neededFiles(await validateImages(host, dump))
  // The container has a /proc of its own, and gets the whole of the handler's folder.
  const files = needed.filter(({ kind, path }) => kind === 'file' && !/^\/proc\/|^\/proc$/.test(path))
  await makeFolders(host, rootfs, needed.filter(({ kind }) => kind === 'directory')) // prettier-ignore
  // A command line has no room for the paths of a process with thousands of files.
  const list = join(WORK, 'files')
  const paths = [...files.map(({ path }) => path), ...programs, HANDLER_FOLDER]
  await writeFile(hostPath(host, list), paths.map((path) => `${path}\0`).join(''))
  // `cd /`, because cp --parents resolves the parents from the working directory. The images are copied last, so that a
  // failed copy cannot be restored.
  const script = `rootfs=$1; images=$2; dump=$3; list=$4; cd /; rm -rf "$images" "$rootfs$5"
    xargs -0 -r -a "$list" cp -a --parents -t "$rootfs" --; cp -a "$dump" "$images"; du -sb "$images"`
  const { stdout } = await run(host, {
    argv: ['sh', '-ec', script, 'sh', rootfs, join(rootfs, IMAGES_FOLDER), dump, list, HANDLER_FOLDER],
    failed: `cannot copy the images and ${files.length} files to ${rootfs}`,
    fix: 'free space on the filesystem, or dump again: a file that the process used may be gone',
    timeout: 600_000,
  })
  for (const file of files) await checkCopy(host, rootfs, file)
  await validateImages(host, join(rootfs, IMAGES_FOLDER))
  await writeFile(hostPath(host, join(rootfs, handlerFiles(HANDLER_FOLDER).lock)), '1')
  return { files: files.length, bytes: Number.parseInt(stdout, 10) }
}

/**
 * Creates the folders that the process had open, such as its working directory. Files in them are copied separately.
 */
async function makeFolders(host: Host, rootfs: string, folders: readonly NeededFile[]): Promise<void> {
  for (const { path, mode } of folders) {
    const folder = hostPath(host, join(rootfs, path))
    if (path === '/' || existsSync(folder)) continue
    await mkdir(folder, { recursive: true })
    if (mode !== undefined) await chmod(folder, mode & 0o7777)
  }
}

async function checkCopy(host: Host, rootfs: string, file: NeededFile): Promise<void> {
  const copy = await stat(hostPath(host, join(rootfs, file.path)))
  // The handler's report and log grow. CRIU does not check files that were opened for appending.
  if (file.path.startsWith(HANDLER_FOLDER)) return
  const sizeDiffers = file.size !== undefined && file.size !== BigInt(copy.size)
  const modeDiffers = file.mode !== undefined && file.mode !== copy.mode
  if (!sizeDiffers && !modeDiffers) return
  throw new CriuBenchError({
    failed: `cannot restore with the copy of ${file.path}`,
    found: `${copy.size} bytes, mode ${copy.mode.toString(8)}`,
    expected: `${file.size ?? copy.size} bytes, mode ${(file.mode ?? copy.mode).toString(8)}, as at the dump`,
    fix: 'dump again, because the file has changed',
  })
}
