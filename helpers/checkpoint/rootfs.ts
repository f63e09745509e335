import { existsSync } from 'node:fs'
import { chmod, copyFile, cp, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { launch } from '../container/launcher.ts'
import { exportBaseImage, type BaseImage } from '../criu/base-image.ts'
import { CriuBenchError } from '../errors.ts'
import { HANDLER_FOLDER, handlerFiles } from '../handlers/handler.ts'
import {
  neededFiles,
  readImageSet,
  validateImageSet,
  type ImageSet,
  type NeededFile,
} from '../images/index.ts'
import { hostPath, type Host } from '../host/host.ts'
import { WORK } from '../installation/paths.ts'
import { run } from '../process/process.ts'
import type { Bytes } from '../units.ts'

/** Folders of the rootfs: the dump itself, and the copy of it that containers restore from. */
export const DUMP_FOLDER = '/.dump'
export const IMAGES_FOLDER = '/images'

/** A root directory that containers can start on. */
export interface Rootfs {
  /** Where it lies on its host. */
  readonly path: string
  /** The CRIU in it, as a container sees it. */
  readonly criu: string
  /** A copy of that CRIU in the host's memory, which containers see in its place; read from the rootfs when left out. */
  readonly localCriu?: string
}

/** Lets containers on `rootfs` read CRIU's program from this host's memory, as from a machine that has it installed. */
export async function installLocally(host: Host, rootfs: Rootfs): Promise<Rootfs> {
  const localCriu = join(WORK, `criu-${basename(rootfs.path)}`)
  await copyFile(hostPath(host, join(rootfs.path, rootfs.criu)), hostPath(host, localCriu))
  return { ...rootfs, localCriu }
}

/** Exports the base image to `path` and lets its CRIU probe this kernel once, as any machine's first start would. */
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
 * Lets the rootfs' CRIU probe this kernel in a container, and keeps what it found, /run/criu.kdat, in the rootfs, from
 * where the launcher copies it into each container's fresh /run. Without it every start probes the kernel again, which
 * costs tens of milliseconds. The check itself wants terminals and tunnels, which a lean container has not: what counts
 * is that the probe came to its end.
 */
export async function keepProbeCache(host: Host, rootfs: Rootfs, name: string): Promise<void> {
  // CRIU keeps the cache on tmpfs alone.
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
        expected: '/run/criu.kdat',
        fix: 'unset BASE_IMAGE to have a CRIU built for this kernel',
        log: check.stderr,
      })
    }
    await cp(seen, hostPath(host, join(rootfs.path, 'run')), { recursive: true })
  } finally {
    await rm(seen, { recursive: true, force: true })
  }
}

/** Reads an image set, refusing one that CRIU must never be handed. Throws CriuBenchError. */
export async function validateImages(host: Host, folder: string): Promise<ImageSet> {
  const set = await readImageSet(hostPath(host, folder))
  validateImageSet(set)
  return set
}

/**
 * Copies what a restore needs into the rootfs: the images, and exactly the files that the dumped process had open or
 * mapped, as the images list them, and `programs` that the container runs besides. Sizes and modes are checked as CRIU
 * will check them.
 */
export async function copyForRestore(
  host: Host,
  rootfs: string,
  programs: readonly string[] = [],
): Promise<{ files: number; bytes: Bytes }> {
  const dump = join(rootfs, DUMP_FOLDER)
  const needed = neededFiles(await validateImages(host, dump))
  const files = needed.filter(({ kind }) => kind === 'file')
  await makeFolders(host, rootfs, needed.filter(({ kind }) => kind === 'directory')) // prettier-ignore
  // cp looks up the parents of an absolute path from where it stands. The images come last: no images, no restore.
  const script = `rootfs=$1; images=$2; dump=$3; shift 3; cd /
    rm -rf "$images"; cp -a --parents -- "$@" "$rootfs"; cp -a "$dump" "$images"; du -sb "$images"`
  const paths = [...files.map(({ path }) => path), ...programs]
  const { stdout } = await run(host, {
    argv: ['sh', '-ec', script, 'sh', rootfs, join(rootfs, IMAGES_FOLDER), dump, ...paths],
    failed: `cannot copy the images and ${files.length} files to ${rootfs}`,
    fix: 'dump again: a file that the process used is gone, or the filesystem is full',
    timeout: 600_000,
  })
  for (const file of files) await checkCopy(host, rootfs, file)
  await validateImages(host, join(rootfs, IMAGES_FOLDER))
  await writeFile(hostPath(host, join(rootfs, handlerFiles(HANDLER_FOLDER).lock)), '1')
  return { files: files.length, bytes: Number.parseInt(stdout, 10) }
}

/** Working directories and the like: what is in them comes with the files. */
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
  // The handler's own report and log grow; CRIU does not check what was opened for appending.
  if (file.path.startsWith(HANDLER_FOLDER)) return
  const sizeDiffers = file.size !== undefined && file.size !== BigInt(copy.size)
  const modeDiffers = file.mode !== undefined && file.mode !== copy.mode
  if (!sizeDiffers && !modeDiffers) return
  throw new CriuBenchError({
    failed: `cannot restore with the copy of ${file.path}`,
    found: `${copy.size} bytes, mode ${copy.mode.toString(8)}`,
    expected: `${file.size ?? copy.size} bytes, mode ${(file.mode ?? copy.mode).toString(8)}, as at the dump`,
    fix: 'dump again: the file was changed since',
  })
}
