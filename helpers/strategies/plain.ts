import { existsSync } from 'node:fs'
import { chmod, lstat, mkdir, readlink, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CriuBenchError } from '../errors.ts'
import type { Handler } from '../handlers/definition.ts'
import { commandLine, HANDLER_FOLDER, isObserved } from '../handlers/handler.ts'
import { observer } from '../handlers/observe.ts'
import { neededFiles } from '../images/index.ts'
import { hostPath, type Host } from '../host/host.ts'
import { pathInside } from '../host/inside.ts'
import { CACHE, WORK } from '../installation/paths.ts'
import type { StartedHandler } from '../checkpoint/further-files.ts'
import { IMAGES_FOLDER, validateImages, type Rootfs } from '../checkpoint/rootfs.ts'
import type { Strategy } from './strategy.ts'

/** The folder of the rootfs that is the container's root for a start from scratch. */
const PLAIN_FOLDER = '/plain'
/** Folders that every program may read while it starts. */
const SYSTEM_FOLDERS = ['/usr', '/etc']
/** Links into /usr on a system with merged /usr, separate folders on others. */
const MERGED_FOLDERS = ['/bin', '/lib', '/lib64', '/sbin']
const CONTAINER_FOLDERS = ['proc', 'dev', 'run', 'tmp', HANDLER_FOLDER]

/**
 * A start from scratch: the command runs once in the same lean container, without a checkpoint. The container sees the
 * folders of this machine that the command comes from, and those of the files that the handler has opened, at the same
 * paths. What it writes there ends with it; the system's folders are read-only. They are on the machine's own disk and in
 * its cache, whatever filesystem is measured.
 */
export const plain: Strategy = {
  name: 'plain',
  fromScratch: true,
  async prepare(host, rootfs, origin) {
    refuseSignal(origin.handler)
    const root = hostPath(host, join(rootfs.path, PLAIN_FOLDER))
    await rm(root, { recursive: true, force: true })
    for (const folder of CONTAINER_FOLDERS) await mkdir(join(root, folder), { recursive: true })
    await chmod(join(root, 'tmp'), 0o1777)
    for (const path of MERGED_FOLDERS) await copyLink(root, path)
    for (const path of origin.opened.folders) await mkdir(join(root, await pathInside(root, path)), { recursive: true }) // prettier-ignore
    for (const path of await foldersOf(host, rootfs, origin)) await createMountPoint(root, path)
  },
  async open(host, rootfs, origin) {
    const command = await commandLine(origin.handler, origin.size, HANDLER_FOLDER, 'container')
    const paths = await foldersOf(host, rootfs, origin)
    const isLayered = await Promise.all(
      paths.map(async (path) => !isSystem(path) && (await stat(path)).isDirectory()),
    )
    const bindsOf = (layered: boolean) =>
      paths.filter((_, index) => isLayered[index] === layered).map((path) => [path, path] as const)
    return {
      strategy: 'plain',
      fromScratch: true,
      root: join(rootfs.path, PLAIN_FOLDER),
      readOnly: bindsOf(false),
      layered: bindsOf(true),
      command: () => command,
      check: async () => {},
      mapped: 0,
      copied: 0,
    }
  },
}

/** A signal would end a process that is still starting, and nothing in the container tells when it is ready for one. */
function refuseSignal({ name, trigger }: Handler): void {
  if (typeof trigger === 'string' || !('signal' in trigger)) return
  throw new CriuBenchError({
    failed: `cannot start the ${name} handler from scratch`,
    found: `the signal ${trigger.signal} as its trigger, which would end a process that is still starting`,
    expected: 'a trigger that can wait for the handler: "lock", { file }, { stdin } or { request }',
    fix: `measure the handler without the strategy "plain", or give it another trigger`,
  })
}

/**
 * The machine's folders that the container needs: those of paths in the command, and of files of the dumped process.
 */
async function foldersOf(host: Host, { path }: Rootfs, dumped: StartedHandler): Promise<string[]> {
  const { handler, size, opened } = dumped
  const programs = isObserved(handler) ? [await observer()] : []
  const words = [...programs, ...(await commandLine(handler, size, HANDLER_FOLDER, 'container'))]
  const needed = neededFiles(await validateImages(host, join(path, IMAGES_FOLDER)))
  // Files that the process wrote are its own: a start from scratch makes them again.
  const read = [
    ...opened.files.filter((each) => !opened.written.includes(each)),
    ...needed.filter((file) => !file.written).map((file) => file.path),
  ]
  const paths = [...words, handler.cwd, ...handler.files, ...read]
  const real = paths.filter((word) => word.startsWith('/') && existsSync(hostPath(host, word)))
  const links = await Promise.all(real.map((word) => realpath(word).catch(() => word)))
  const apart = (
    await Promise.all(MERGED_FOLDERS.map(async (each) => ((await isFolder(each)) ? [each] : [])))
  ).flat()
  // A folder comes before those in it, which it would cover.
  return [...new Set([...SYSTEM_FOLDERS, ...apart, ...[...real, ...links].flatMap(folderOf)])].toSorted()
}

/**
 * The first levels of a path, such as "/srv/app", "/home/ann" or "/var/lib/app": enough for all files of a program, but not
 * more.
 */
function folderOf(path: string): string[] {
  const [, first = '', ...rest] = path.split('/')
  if (first === '' || ['proc', 'dev', 'sys', 'run'].includes(first) || path.startsWith(WORK)) return []
  if (isSystem(`/${first}`)) return []
  // Only the folder of compiled programs, and no other of this project.
  if (path.startsWith(CACHE)) return [CACHE]
  return [['', first, ...rest.slice(0, first === 'var' ? 2 : 1)].join('/')]
}

const isSystem = (path: string): boolean => [...SYSTEM_FOLDERS, ...MERGED_FOLDERS].includes(path)

const isFolder = async (path: string): Promise<boolean> =>
  (await lstat(path).catch(() => undefined))?.isDirectory() ?? false

async function copyLink(root: string, path: string): Promise<void> {
  const target = await readlink(path).catch(() => undefined)
  if (target !== undefined) await symlink(target, join(root, path))
}

async function createMountPoint(root: string, path: string): Promise<void> {
  const point = join(root, await pathInside(root, path))
  await mkdir((await stat(path)).isDirectory() ? point : dirname(point), { recursive: true })
  if (!existsSync(point)) await writeFile(point, '')
}
