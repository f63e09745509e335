import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, lstat, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CriuBenchError } from '../errors.ts'
import { makeFolder } from '../host/folders.ts'
import { localHost, hostPath, type Host } from '../host/host.ts'
import { insideRootfs, pathInside } from '../host/inside.ts'
import { CACHE } from '../installation/paths.ts'
import { run } from '../process/process.ts'
import { makeViaDraft } from '../programs/draft.ts'
import { hashOfFile } from '../programs/hash.ts'
import type { Bytes } from '../units.ts'
import { findCriu } from './binary.ts'
import { BUNDLE, hasBundle, isProgram, makeBundle } from './bundle.ts'

/** The name that the reference gives to its image. */
const IMAGE_NAME = 'criu'
/** In the order in which they are preferred. */
const ENGINES = ['docker', 'podman']
/** Where to look for CRIU in a base image, in the order of a usual PATH. */
const CRIU_PLACES = [
  '/usr/local/sbin/criu',
  '/usr/local/bin/criu',
  '/usr/sbin/criu',
  '/usr/bin/criu',
  '/sbin/criu',
]
/** Folders that a container mounts on, with their modes. */
const MOUNT_POINTS = { dev: 0o755, proc: 0o555, run: 0o755, tmp: 0o1777 }

/** A root file system that contains CRIU, before it is exported. */
export interface BaseImage {
  /** Where it comes from, for messages and results. */
  readonly description: string
  readonly kind: 'folder' | 'tar'
  readonly path: string
  /** The room that it needs on a filesystem. */
  readonly bytes: Bytes
}

/**
 * Finds the base image. `named` is a tarball, a folder, the program of a CRIU, "docker:NAME", "podman:NAME" or "build". Default: the image
 * `criu` of docker or podman if there is one, else one that is built here. Throws CriuBenchError.
 */
export async function findBaseImage(
  named: string | undefined,
  progress: (line: string) => void = () => {},
): Promise<BaseImage> {
  if (named === undefined) {
    const ids = await Promise.all(
      ENGINES.map(async (engine) => [engine, await imageId(engine, IMAGE_NAME)] as const),
    )
    for (const [engine, id] of ids) if (id !== undefined) return saveFromEngine(engine, IMAGE_NAME, id)
    return assembleFound(progress)
  }
  if (named === 'build') return assembleFound(progress)
  const [, engine, name] = /^(docker|podman):(.+)$/.exec(named) ?? []
  if (engine !== undefined && name !== undefined) return fromEngine(engine, name)
  return fromPath(named)
}

/**
 * Exports the image to `rootfs` on `host`, and sets its CRIU apart in a bundle before other files replace its libraries.
 * Throws CriuBenchError if it has no CRIU.
 */
export async function exportBaseImage(host: Host, image: BaseImage, rootfs: string): Promise<void> {
  const argv =
    image.kind === 'tar'
      ? ['tar', '--extract', '--numeric-owner', '--file', image.path, '--directory', rootfs]
      : ['cp', '--archive', '--no-target-directory', image.path, rootfs]
  await run(host, {
    argv,
    failed: `cannot export the base image (${image.description}) to ${rootfs}`,
    fix: 'free space on that file system, and check the image',
    timeout: 300_000,
  })
  // CRIU compares the mode of the root directory, so it must not depend on the image.
  await chmod(hostPath(host, rootfs), 0o755)
  for (const [name, mode] of Object.entries(MOUNT_POINTS)) {
    const folder = await insideRootfs(host, rootfs, name)
    await makeFolder(host, folder)
    await chmod(hostPath(host, folder), mode)
  }
  const bundle = hostPath(host, join(rootfs, BUNDLE))
  // A link there would lead out of the rootfs. Most images have nothing there.
  if ((await lstat(bundle).catch(() => undefined))?.isSymbolicLink()) await rm(bundle)
  if (hasBundle(host, join(rootfs, BUNDLE))) return
  const program = await programIn(hostPath(host, rootfs), image.description)
  await makeBundle(host, { root: rootfs, program, image: image.description }, join(rootfs, BUNDLE))
}

/** The path of CRIU in a root directory. Throws CriuBenchError if there is none. */
async function programIn(root: string, image: string): Promise<string> {
  for (const path of CRIU_PLACES) if (existsSync(join(root, await pathInside(root, path)))) return path
  throw new CriuBenchError({
    failed: `cannot use the base image: ${image}`,
    found: 'an image without criu',
    expected: `one of the programs ${CRIU_PLACES.join(', ')}`,
    fix: 'install criu in the image, or set BASE_IMAGE=build to have one built here',
  })
}

async function imageId(engine: string, name: string): Promise<string | undefined> {
  const answer = await run(localHost, {
    argv: ['sh', '-c', '"$1" image inspect --format "{{.Id}}" "$2"', 'sh', engine, name],
    failed: `cannot ask ${engine} for an image`,
    fix: `start ${engine}`,
    timeout: 10_000,
    accept: [0, 1, 125, 126, 127],
  })
  return answer.exitCode === 0 ? answer.stdout.trim() : undefined
}

async function fromEngine(engine: string, name: string): Promise<BaseImage> {
  const id = await imageId(engine, name)
  if (id !== undefined) return saveFromEngine(engine, name, id)
  throw new CriuBenchError({
    failed: `cannot use the base image ${engine}:${name}`,
    found: `no answer from ${engine}, or no image with this name`,
    expected: `\`${engine} image inspect ${name}\` to succeed`,
    fix: `start ${engine} and build the image, or set BASE_IMAGE=build to have one built here`,
  })
}

/**
 * Exports the file system of an engine's image to a tarball. It is cached by the image's id, and replaces that of an
 * earlier image of the same name.
 */
async function saveFromEngine(engine: string, name: string, id: string): Promise<BaseImage> {
  const prefix = `${engine}-${hashOf(name)}-`
  const tar = join(CACHE, `${prefix}${hashOf(id)}.tar`)
  if (!existsSync(tar)) {
    await makeViaDraft(tar, (draft) =>
      run(localHost, {
        argv: ['sh', '-ec', EXPORT, 'sh', engine, name, draft],
        failed: `cannot export the image ${engine}:${name}`,
        fix: `try \`${engine} export\` by hand`,
        timeout: 300_000,
      }),
    )
    for (const each of await readdir(CACHE))
      if (each.startsWith(prefix) && join(CACHE, each) !== tar) await rm(join(CACHE, each), { force: true })
  }
  return measured({ description: `${engine} image ${name}`, kind: 'tar', path: tar })
}

const EXPORT =
  'container=$("$1" create "$2" true); trap \'"$1" rm "$container"\' EXIT; "$1" export --output "$3" "$container"'

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16)

async function fromPath(path: string): Promise<BaseImage> {
  const status = await stat(path).catch(() => undefined)
  if (status?.isDirectory()) return measured({ description: `folder ${path}`, kind: 'folder', path })
  if (status?.isFile() && (await isProgram(path))) return assemble(path, `program ${path}`)
  if (status?.isFile()) return measured({ description: `tarball ${path}`, kind: 'tar', path })
  throw new CriuBenchError({
    failed: `cannot use the base image ${path}`,
    found: status ? 'neither a file nor a folder' : 'no such file or folder',
    expected: 'a tarball, a folder, the program of a CRIU, docker:NAME, podman:NAME or build',
    fix: 'export BASE_IMAGE=/path/to/rootfs.tar, or unset it to have one built',
  })
}

/** An image that contains only the bundle of a CRIU. Cached by its content: a CRIU under development keeps its path. */
async function assemble(program: string, description: string): Promise<BaseImage> {
  const folder = join(CACHE, `built-image-${await hashOfFile(program)}`)
  if (!existsSync(folder))
    await makeViaDraft(folder, (draft) =>
      makeBundle(localHost, { root: '/', program, image: description }, join(draft, BUNDLE)),
    )
  return measured({ description, kind: 'folder', path: folder })
}

async function assembleFound(progress: (line: string) => void): Promise<BaseImage> {
  const { path, origin } = await findCriu(progress)
  return assemble(path, origin === 'built' ? 'built here' : 'of this host')
}

/** Lists all files of an image with their sizes as the third word, whatever compresses the tarball. */
const LIST = {
  tar: 'tar --list --verbose --numeric-owner --file "$1" | awk',
  folder: 'find "$1" -printf "- - %s\\n" | awk',
}
/** Filesystems store whole pages, and something for each name. */
const SUM = `'{ bytes += $3 + 4096 } END { printf "%.0f", bytes }'`

async function measured(image: Omit<BaseImage, 'bytes'>): Promise<BaseImage> {
  const { stdout } = await run(localHost, {
    argv: ['bash', '-o', 'pipefail', '-c', `${LIST[image.kind]} ${SUM}`, 'bash', image.path],
    failed: `cannot read the base image (${image.description})`,
    fix: 'check the image: is it the tarball or the folder of a root file system?',
    timeout: 120_000,
  })
  return { ...image, bytes: Number(stdout) }
}
