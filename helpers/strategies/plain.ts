import { existsSync } from 'node:fs'
import { lstat, mkdir, readlink, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CriuBenchError } from '../errors.ts'
import type { Handler } from '../handlers/definition.ts'
import { commandLine, HANDLER_FOLDER, isObserved } from '../handlers/handler.ts'
import { observer } from '../handlers/observe.ts'
import { neededFiles } from '../images/index.ts'
import { hostPath, type Host } from '../host/host.ts'
import { CACHE, WORK } from '../installation/paths.ts'
import { IMAGES_FOLDER, validateImages, type Rootfs } from '../checkpoint/rootfs.ts'
import type { Origin, Strategy } from './strategy.ts'

/** The folder of the rootfs that is the root of a container in which a process is started from scratch. */
const PLAIN_FOLDER = '/plain'
/** What every program may read while it starts. */
const SYSTEM = ['/usr', '/etc']
/** Links into /usr on a merged system, folders of their own on others. */
const MERGED = ['/bin', '/lib', '/lib64', '/sbin']
const OWN = ['proc', 'dev', 'run', 'tmp', HANDLER_FOLDER]

/**
 * No checkpoint: the command is executed in the same lean container, and runs once, as a user would do without CRIU. A
 * dump tells what a process has open, and not what it read while it started, so the container sees the folders of this
 * machine that the command comes from, read-only, at their own paths. They are on the machine's own disk and in its
 * cache, whatever the filesystem under test is.
 */
export const plain: Strategy = {
  name: 'plain',
  fromScratch: true,
  async prepare(host, rootfs, origin) {
    refuseSignal(origin.handler)
    const root = hostPath(host, join(rootfs.path, PLAIN_FOLDER))
    await rm(root, { recursive: true, force: true })
    for (const folder of OWN) await mkdir(join(root, folder), { recursive: true })
    for (const path of MERGED) await likewise(root, path)
    for (const path of await foldersOf(host, rootfs, origin)) await mountPoint(root, path)
  },
  async open(host, rootfs, origin) {
    const command = await commandLine(origin.handler, origin.size, HANDLER_FOLDER, 'container')
    const folders = await foldersOf(host, rootfs, origin)
    return {
      strategy: 'plain',
      fromScratch: true,
      root: join(rootfs.path, PLAIN_FOLDER),
      readOnly: folders.map((path) => [path, path] as const),
      command: () => command,
      check: async () => {},
      mapped: 0,
      copied: 0,
    }
  },
}

/** A process that has not started yet would be ended by a signal, and nothing tells in the container when it has. */
function refuseSignal({ name, trigger }: Handler): void {
  if (typeof trigger === 'string' || !('signal' in trigger)) return
  throw new CriuBenchError({
    failed: `cannot start the ${name} handler from scratch`,
    found: `that ${trigger.signal} sets it off`,
    expected: 'a trigger that waits for its handler: "lock", { file }, { stdin } or { request }',
    fix: `measure it without the strategy "plain", or give it another trigger`,
  })
}

/** The machine's folders that the container needs: of what the command names, and of what the dumped process had. */
async function foldersOf(host: Host, { path }: Rootfs, { handler, size }: Origin): Promise<string[]> {
  const programs = isObserved(handler) ? [await observer()] : []
  const words = [...programs, ...(await commandLine(handler, size, HANDLER_FOLDER, 'container'))]
  const needed = neededFiles(await validateImages(host, join(path, IMAGES_FOLDER)))
  const paths = [...words, handler.cwd, ...needed.map((file) => file.path)]
  const real = paths.filter((word) => word.startsWith('/') && existsSync(hostPath(host, word)))
  const links = await Promise.all(real.map((word) => realpath(word).catch(() => word)))
  const apart = (await Promise.all(MERGED.map(async (each) => ((await isFolder(each)) ? [each] : [])))).flat()
  return [...new Set([...SYSTEM, ...apart, ...[...real, ...links].flatMap(folderOf)])]
}

/** Two names deep, "/srv/app" and "/home/ann": a program has more than one file, and its neighbours are not its own. */
function folderOf(path: string): string[] {
  const [, first = '', second] = path.split('/')
  if (first === '' || ['proc', 'dev', 'sys', 'run'].includes(first) || path.startsWith(WORK)) return []
  if ([...SYSTEM, ...MERGED].includes(`/${first}`)) return []
  // Programs that are compiled here: what else is in /var is not the container's.
  if (path.startsWith(CACHE)) return [CACHE]
  return [second === undefined ? `/${first}` : `/${first}/${second}`]
}

const isFolder = async (path: string): Promise<boolean> =>
  (await lstat(path).catch(() => undefined))?.isDirectory() ?? false

async function likewise(root: string, path: string): Promise<void> {
  const target = await readlink(path).catch(() => undefined)
  if (target !== undefined) await symlink(target, join(root, path))
}

async function mountPoint(root: string, path: string): Promise<void> {
  const point = join(root, path)
  await mkdir((await stat(path)).isDirectory() ? point : dirname(point), { recursive: true })
  if (!existsSync(point)) await writeFile(point, '')
}
