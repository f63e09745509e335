import { readdir, readFile, readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hostPath, type Host } from '../../host/host.ts'
import { treeOf, type LiveStat } from '../../proc/tree.ts'
import type { Bytes } from '../../units.ts'

/** An open or mapped file of a process, as /proc shows it. */
export interface OpenFile {
  /** "fd 5 of 1002", "mapping of 1002". */
  readonly user: string
  /** Target of the link in /proc, without " (deleted)": "/srv/data", "socket:[4711]", "anon_inode:[io_uring]". */
  readonly target: string
  readonly deleted: boolean
  readonly size: Bytes
  readonly isFifo: boolean
  readonly isDevice: boolean
  /** Whether the file is on a mount of the process's own namespace. */
  readonly isMounted: boolean
}

/** The parts of a process that a dump has to cover. */
export interface Process {
  readonly pid: number
  readonly name: string
  readonly files: readonly OpenFile[]
  /** Number of its controlling terminal; 0 for none. */
  readonly terminal: number
  /** Its root directory. */
  readonly root: string
  /** Its user and group ids: real, effective, saved. */
  readonly ids: readonly number[]
}

const DELETED = ' (deleted)'

/** A process and its descendants at this moment, without those that end in the meantime. */
export const processTree = async (host: Host, pid: number): Promise<Process[]> =>
  Promise.all((await treeOf(pid, host)).map((each) => processOf(host, each)))

async function processOf(host: Host, { pid, name, terminal }: LiveStat): Promise<Process> {
  const folder = hostPath(host, `/proc/${pid}`)
  const files = [...(await openFiles(folder, pid)), ...(await mappedFiles(folder, pid))]
  const root = await readlink(join(folder, 'root')).catch(() => '/')
  return { pid, name, files, terminal, root, ids: await idsOf(folder) }
}

async function idsOf(folder: string): Promise<number[]> {
  const status = await readFile(join(folder, 'status'), 'utf8').catch(() => '')
  return [...status.matchAll(/^[UG]id:\t(\d+)\t(\d+)\t(\d+)/gm)].flatMap((ids) => ids.slice(1).map(Number))
}

async function openFiles(folder: string, pid: number): Promise<OpenFile[]> {
  const mounts = await mountIds(folder)
  const numbers = await readdir(join(folder, 'fd')).catch(() => [])
  const files = await Promise.all(
    numbers.map(async (number) => {
      const info = await readFile(join(folder, 'fdinfo', number), 'utf8').catch(() => '')
      const mount = /^mnt_id:\s*(\d+)$/m.exec(info)?.[1] ?? ''
      return describe(join(folder, 'fd', number), `fd ${number} of ${pid}`, mounts.has(mount))
    }),
  )
  return files.flat()
}

async function mountIds(folder: string): Promise<Set<string>> {
  const lines = (await readFile(join(folder, 'mountinfo'), 'utf8').catch(() => '')).split('\n')
  return new Set(lines.map((line) => line.split(' ', 1)[0] ?? ''))
}

async function mappedFiles(folder: string, pid: number): Promise<OpenFile[]> {
  const names = await readdir(join(folder, 'map_files')).catch(() => [])
  const files = await Promise.all(
    names.map((name) => describe(join(folder, 'map_files', name), `mapping of ${pid}`, true)),
  )
  // A library has several mappings.
  return [...new Map(files.flat().map((file) => [file.target, file])).values()]
}

async function describe(link: string, user: string, isMounted: boolean): Promise<OpenFile[]> {
  const text = await readlink(link).catch(() => undefined)
  const status = await stat(link).catch(() => undefined)
  if (text === undefined || status === undefined) return []
  const deleted = text.endsWith(DELETED)
  const target = deleted ? text.slice(0, -DELETED.length) : text
  const [isFifo, isDevice] = [status.isFIFO(), status.isCharacterDevice() || status.isBlockDevice()]
  return [{ user, target, deleted, size: status.size, isFifo, isDevice, isMounted }]
}
