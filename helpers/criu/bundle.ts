import { existsSync } from 'node:fs'
import { chmod, copyFile, open, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { CriuBenchError } from '../errors.ts'
import { makeFolder } from '../host/folders.ts'
import { hostPath, type Host } from '../host/host.ts'
import { pathInside } from '../host/inside.ts'
import { run } from '../process/process.ts'

/**
 * The folder of a rootfs for a bundle: CRIU's program, with its loader and its libraries if it is linked dynamically. A
 * bundle runs whatever else the rootfs contains, even if the files of a dumped process replace the libraries of the image.
 */
export const BUNDLE = '/.criu'

const PROGRAM = 'criu'
const LOADER = 'loader'
const LIBRARIES = 'lib'

/** A program of a root directory, and the base image to name in errors. */
interface Bundled {
  /** A path on the host. */
  readonly root: string
  /** A path in the root directory. */
  readonly program: string
  readonly image: string
}

/** The program of the bundle in a rootfs. */
export const criuIn = (rootfs: string): string => join(rootfs, BUNDLE, PROGRAM)

export const hasBundle = (host: Host, folder: string): boolean =>
  existsSync(hostPath(host, join(folder, PROGRAM)))

/** The words that run the CRIU of a bundle on `host`; `seenAs` is the bundle's path where they are executed. */
export const criuCommand = (host: Host, folder: string, seenAs = folder): string[] => {
  const own = (name: string): string => join(seenAs, name)
  if (!existsSync(hostPath(host, join(folder, LOADER)))) return [own(PROGRAM)]
  return [own(LOADER), '--library-path', own(LIBRARIES), own(PROGRAM)]
}

/** Copies a program, its loader and its libraries to `folder` on `host`. Throws CriuBenchError. */
export async function makeBundle(host: Host, bundled: Bundled, folder: string): Promise<void> {
  const { root, program } = bundled
  const copy = async (path: string, name: string): Promise<void> => {
    await makeFolder(host, dirname(join(folder, name)))
    const target = hostPath(host, join(folder, name))
    await copyFile(hostPath(host, join(root, await pathInside(hostPath(host, root), path))), target)
    await chmod(target, 0o755)
  }
  await copy(program, PROGRAM)
  const loader = loaderIn(await readFile(hostPath(host, join(folder, PROGRAM))), bundled)
  if (loader === undefined) return
  const libraries = await librariesOf(host, bundled, loader)
  await copy(loader, LOADER)
  for (const { name, path } of libraries) await copy(path, join(LIBRARIES, basename(name)))
}

/** The layout of a 64-bit little-endian ELF file, and the type of the segment that names the loader. */
const ELF = { magic: '\x7fELF\x02\x01', segments: 32, segmentSize: 54, segmentCount: 56, interpreter: 3 }

const isElf = (program: Buffer): boolean =>
  program.subarray(0, ELF.magic.length).equals(Buffer.from(ELF.magic, 'latin1'))

/** Whether a file of this machine is a 64-bit program. */
export async function isProgram(path: string): Promise<boolean> {
  await using file = await open(path)
  const { buffer } = await file.read(Buffer.alloc(ELF.magic.length))
  return isElf(buffer)
}

/** The path of the loader that starts a program; undefined for a static program. */
function loaderIn(program: Buffer, { program: path, image }: Bundled): string | undefined {
  if (!isElf(program))
    throw unusable(
      image,
      `${path}, which is a script or another kind of file`,
      'criu itself, a 64-bit program',
    )
  const size = program.readUInt16LE(ELF.segmentSize)
  const first = Number(program.readBigUInt64LE(ELF.segments))
  for (let index = 0; index < program.readUInt16LE(ELF.segmentCount); index++) {
    const segment = first + index * size
    if (program.readUInt32LE(segment) !== ELF.interpreter) continue
    const start = Number(program.readBigUInt64LE(segment + 8))
    const length = Number(program.readBigUInt64LE(segment + 32))
    return program.toString('utf8', start, start + length - 1)
  }
  return undefined
}

/** What the loader itself would load for a program. glibc's and musl's have the same option and output. */
async function librariesOf(host: Host, { root, program, image }: Bundled, loader: string) {
  const inside = await pathInside(hostPath(host, root), loader)
  if (!existsSync(hostPath(host, join(root, inside))))
    throw unusable(
      image,
      `no ${loader}, the loader of its ${program}`,
      `${program} with its loader and libraries`,
    )
  const { stdout, stderr, exitCode } = await run(host, {
    argv: ['chroot', root, loader, '--list', program],
    failed: `cannot list the libraries of ${program} in the base image (${image})`,
    fix: 'make the image for the architecture of this machine',
    timeout: 10_000,
    accept: Array.from({ length: 128 }, (_, status) => status),
  })
  const missing = /^\s*(\S+) => not found/m.exec(stdout)?.[1]
  if (exitCode !== 0 || missing !== undefined)
    throw unusable(image, `a ${program} that lacks libraries`, 'a criu with its libraries', missing ?? stderr)
  return [...stdout.matchAll(/^\s*(\S+) => (\/\S+) \(0x/gm)].map(([, name = '', path = '']) => ({
    name,
    path,
  }))
}

const unusable = (image: string, found: string, expected: string, log?: string): CriuBenchError =>
  new CriuBenchError({
    failed: `cannot use the base image: ${image}`,
    found,
    expected,
    fix: 'install criu with its packages in the image, or set BASE_IMAGE=build to have one built here',
    log,
  })

/** The version of a CRIU on `host`, for example "4.1.1". */
export async function versionOf(host: Host, criu: readonly string[]): Promise<string> {
  const { stdout } = await run(host, {
    argv: [...criu, '--version'],
    failed: `cannot ask ${criu.at(-1)} for its version`,
    fix: 'set BASE_IMAGE=build to have a criu built here',
    timeout: 5000,
  })
  return /Version: (\S+)/.exec(stdout)?.[1] ?? 'unknown'
}
