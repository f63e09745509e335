import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CriuBenchError } from '../errors.ts'
import { localHost, hostPath, type Host } from '../host/host.ts'
import { hostPathInside } from '../host/inside.ts'
import { CACHE } from '../installation/paths.ts'
import { run } from '../process/process.ts'
import { makeViaDraft } from '../programs/draft.ts'
import { findCriu, type CriuBinary } from './binary.ts'

/** The name that the reference gives to its image. */
const IMAGE_NAME = 'criu'
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
  /** Description for messages and results. */
  readonly description: string
  readonly kind: 'folder' | 'tar'
  readonly path: string
}

/**
 * Finds the base image. `named` is a tarball, a folder, "docker:NAME", "podman:NAME" or "build". Default: the image
 * `criu` of docker or podman if there is one, else one that is built here. Throws CriuBenchError.
 */
export async function findBaseImage(
  named: string | undefined,
  progress: (line: string) => void = () => {},
): Promise<BaseImage> {
  if (named === undefined) {
    for (const engine of ['docker', 'podman']) {
      const id = await imageId(engine, IMAGE_NAME)
      if (id !== undefined) return saveFromEngine(engine, IMAGE_NAME, id)
    }
    return assemble(await findCriu(progress))
  }
  if (named === 'build') return assemble(await findCriu(progress))
  const [, engine, name] = /^(docker|podman):(.+)$/.exec(named) ?? []
  if (engine !== undefined && name !== undefined) return fromEngine(engine, name)
  return fromPath(named)
}

/** Exports the image to `rootfs` on `host`. Returns the path of its CRIU. Throws CriuBenchError if it has none. */
export async function exportBaseImage(host: Host, image: BaseImage, rootfs: string): Promise<string> {
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
    const folder = await hostPathInside(host, rootfs, name)
    await mkdir(folder, { recursive: true })
    await chmod(folder, mode)
  }
  return exportedCriu(host, rootfs, image.description)
}

/** The path of CRIU in a rootfs, as a container sees it. Throws CriuBenchError if there is none. */
export async function exportedCriu(host: Host, rootfs: string, description = rootfs): Promise<string> {
  for (const path of CRIU_PLACES) if (existsSync(await hostPathInside(host, rootfs, path))) return path
  throw new CriuBenchError({
    failed: `cannot use the base image: ${description}`,
    found: 'an image without criu',
    expected: `one of the programs ${CRIU_PLACES.join(', ')}`,
    fix: 'install criu in the image, or unset BASE_IMAGE to have one built',
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
    fix: `start ${engine} and build the image, or unset BASE_IMAGE to have one built here`,
  })
}

/** Exports the file system of an engine's image to a tarball, cached by the image's id. */
async function saveFromEngine(engine: string, name: string, id: string): Promise<BaseImage> {
  const tar = join(CACHE, `${engine}-${createHash('sha256').update(id).digest('hex').slice(0, 16)}.tar`)
  const script =
    'container=$("$1" create "$2" true); trap \'"$1" rm "$container"\' EXIT; "$1" export --output "$3" "$container"'
  if (!existsSync(tar))
    await makeViaDraft(tar, (draft) =>
      run(localHost, {
        argv: ['sh', '-ec', script, 'sh', engine, name, draft],
        failed: `cannot export the image ${engine}:${name}`,
        fix: `try \`${engine} export\` by hand`,
        timeout: 300_000,
      }),
    )
  return { description: `${engine} image ${name}`, kind: 'tar', path: tar }
}

async function fromPath(path: string): Promise<BaseImage> {
  const status = await stat(path).catch(() => undefined)
  if (status?.isDirectory()) return { description: `folder ${path}`, kind: 'folder', path }
  if (status?.isFile()) return { description: `tarball ${path}`, kind: 'tar', path }
  throw new CriuBenchError({
    failed: `cannot use the base image ${path}`,
    found: status ? 'neither a file nor a folder' : 'no such file or folder',
    expected: 'a tarball, a folder, docker:NAME, podman:NAME or build',
    fix: 'export BASE_IMAGE=/path/to/rootfs.tar, or unset it to have one built',
  })
}

/** Builds an image that contains only CRIU and, if it is not static, its libraries. Cached. */
async function assemble(criu: CriuBinary): Promise<BaseImage> {
  const key = createHash('sha256').update(`${criu.path} ${criu.version}`).digest('hex').slice(0, 16)
  const folder = join(CACHE, `base-image-${key}`)
  if (!existsSync(folder))
    await makeViaDraft(folder, async (draft) => {
      await mkdir(join(draft, 'usr/sbin'), { recursive: true })
      await copyFile(criu.path, join(draft, 'usr/sbin/criu'))
      for (const library of await librariesOf(criu.path)) {
        await mkdir(join(draft, dirname(library)), { recursive: true })
        await copyFile(library, join(draft, library))
      }
    })
  return {
    description: `criu ${criu.version}, ${criu.origin === 'built' ? 'built here' : 'of this host'}`,
    kind: 'folder',
    path: folder,
  }
}

/** Paths of the libraries of a program, including its loader. None for a static program. */
async function librariesOf(program: string): Promise<string[]> {
  const { stdout } = await run(localHost, {
    argv: ['ldd', program],
    failed: `cannot list the libraries of ${program}`,
    fix: 'install libc-bin',
    timeout: 10_000,
    // ldd exits with 1 for a static program.
    accept: [0, 1],
  })
  return [...stdout.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map((match) => match[1] ?? '')
}
