import { existsSync } from 'node:fs'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect } from 'vitest'
import { hierarchies } from '../cgroup/cgroups.ts'
import { FOLDER_VARIABLE } from '../handlers/handler.ts'
import { CACHE, LEDGERS, WORK } from '../installation/paths.ts'
import { INTERFACE_PREFIX } from '../network/network.ts'
import { holdsWithin } from '../process/wait.ts'
import { testRunIn } from './folders.ts'

/**
 * A folder on PATH, the one variable that this project passes to everything it starts: a process with it in its
 * environment was started by this test, whatever its parent is by now. Processes of others are no leaks.
 */
const MARK = `/marked/by/test/${process.pid}/`

/** Milliseconds for processes that end after their starter, such as a supervisor. */
const PATIENCE = 20_000
const POLL = 100

/** What to look at, and for how long. */
interface Look {
  /** Milliseconds for what goes by itself. */
  readonly patience?: number
  /** Whether the steps by hand count. They use folders and processes of the machine itself, as those of other users do. */
  readonly byHand?: boolean
}

/**
 * Runs `action` and expects this project's mounts, processes, network interfaces, cgroups, ledgers, loop devices and files to
 * be as before it, whether or not it fails. Namespaces and memory that outlive a run need one of these. What other programs
 * make in the meantime, other runs of these tests included, is ignored. Returns what the action returns.
 */
export async function expectNothingLeft<T>(action: () => Promise<T>, look: Look = {}): Promise<T> {
  if (!process.env['PATH']?.includes(MARK)) process.env['PATH'] += `:${MARK}`
  const before = await traces(look)
  try {
    return await action()
  } finally {
    const left = await lasting(before, look)
    expect(left, `left behind: ${left.join(', ')}`).toEqual([])
  }
}

/** What differs from `before` for good: what disappears by itself within `patience` ms is no leak. */
async function lasting(before: ReadonlySet<string>, look: Look): Promise<string[]> {
  let left: string[] | undefined
  const isNothingLeft = async (): Promise<boolean> => {
    const now = await changes(before, look)
    const still = new Set(now.map(identityOf))
    left = left?.filter((trace) => still.has(identityOf(trace))) ?? now
    return left.length === 0
  }
  await holdsWithin(isNothingLeft, { limit: look.patience ?? PATIENCE, interval: POLL })
  return left ?? []
}

/** A process stays the same if it executes another program. */
const identityOf = (trace: string): string => /^process \d+/.exec(trace)?.[0] ?? trace

async function changes(before: ReadonlySet<string>, look: Look): Promise<string[]> {
  const now = await traces(look)
  const known = new Set([...before].map(identityOf))
  const more = [...now].filter((trace) => !known.has(identityOf(trace)))
  const lost = [...before].filter((trace) => trace.startsWith('mount ') && !now.has(trace))
  return [...more, ...lost.map((trace) => `lost: ${trace}`)]
}

async function traces({ byHand = true }: Look): Promise<Set<string>> {
  const found = await Promise.all([
    mounts(),
    processes(byHand),
    interfaces(),
    cgroups(),
    ledgers(),
    byHand ? files(WORK) : [],
    ownFiles(),
    drafts(),
    loopDevices(),
  ])
  return new Set(found.flat())
}

/** Part of the name of everything that this project makes: sources of mounts, folders, cgroups, files. */
const NAME = 'vitest-criu'
/** Types of filesystems that this project mounts and container engines do not. */
const OWN_TYPES: ReadonlySet<string> = new Set(['ceph', 'fuse.ceph-fuse', 'fuse.sshfs'])

/** Mounts with the project's name in their source, root, point or options, or on a loop device of its own. */
async function mounts(): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).trimEnd().split('\n')
  const ours = await Promise.all(lines.map(async (line) => ((await isOwnMount(line)) ? [line] : [])))
  return ours.flat().map((line) => {
    const [[, , , , point, options] = [], [type, source] = []] = line.split(' - ').map((part) => part.split(' ')) // prettier-ignore
    return `mount ${source} ${point} ${type} ${options}`
  })
}

async function isOwnMount(line: string): Promise<boolean> {
  const run = testRunIn(line)
  if (run !== undefined) return run === process.pid
  const [type = '', source = ''] = line.split(' - ')[1]?.split(' ') ?? []
  const loop = /^\/dev\/(loop\d+)$/.exec(source)?.[1]
  const behind = loop === undefined ? '' : await textOf(`/sys/block/${loop}/loop/backing_file`)
  return line.includes(NAME) || OWN_TYPES.has(type) || behind.includes(NAME)
}

/**
 * Interfaces in the machine's own network with a name that this project gives. A network namespace that outlives its
 * processes is a mount, and reported as one.
 */
async function interfaces(): Promise<string[]> {
  const names = (await readFile('/proc/net/dev', 'utf8')).matchAll(/^\s*(\S+):/gm)
  return [...names].flatMap(([, name = '']) =>
    name.startsWith(INTERFACE_PREFIX) ? [`network interface ${name}`] : [],
  )
}

/** The processes of this test, in whatever namespaces they are. */
async function processes(byHand: boolean): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const all = await Promise.all(
    pids.map(async (pid) => ((await isOwn(pid, byHand)) ? [`process ${pid} ${await commandOf(pid)}`] : [])),
  )
  return all.flat()
}

const textOf = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '')

/** Started by this test. */
const isMarked = async (pid: string): Promise<boolean> =>
  (await textOf(`/proc/${pid}/environ`)).includes(MARK)

/** Or a handler on this machine itself, whose environment does not come from its starter. */
async function isOwn(pid: string, byHand: boolean): Promise<boolean> {
  if (await isMarked(pid)) return true
  return byHand && (await textOf(`/proc/${pid}/environ`)).includes(`${FOLDER_VARIABLE}=`) && isOutside(pid)
}

/** Whether a process is in the PID namespace of this one. Handlers in a sandbox end with it. */
const isOutside = async (pid: string): Promise<boolean> =>
  (await namespaceOf(pid)) === (await namespaceOf('self'))

const namespaceOf = (pid: string): Promise<string> => readlink(`/proc/${pid}/ns/pid`).catch(() => '')

const commandOf = async (pid: string): Promise<string> =>
  (await textOf(`/proc/${pid}/cmdline`)).replaceAll('\0', ' ').trim()

/** Cgroups with a process of this test, and empty ones with the project's name. */
async function cgroups(): Promise<string[]> {
  const folders = await Promise.all((await hierarchies()).map(cgroupsBelow))
  const ours = await Promise.all(
    folders.flat().map(async (folder) => ((await isOurs(folder)) ? [folder] : [])),
  )
  return ours.flat().map((folder) => `cgroup ${folder}`)
}

async function cgroupsBelow(folder: string): Promise<string[]> {
  const children = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const below = children.filter((child) => child.isDirectory()).map((child) => join(folder, child.name))
  return [...below, ...(await Promise.all(below.map(cgroupsBelow))).flat()]
}

async function isOurs(cgroup: string): Promise<boolean> {
  const members = (await textOf(join(cgroup, 'cgroup.procs'))).split('\n').filter(Boolean)
  const marked = await Promise.all(members.map(isMarked))
  return members.length === 0 ? cgroup.includes(NAME) : marked.includes(true)
}

/** All ledgers, except those of living supervisors that this test has not started. */
async function ledgers(): Promise<string[]> {
  const names = await readdir(LEDGERS).catch(() => [])
  const ours = await Promise.all(
    names.map(async (name) => {
      const [owner = ''] = name.split('.')
      return existsSync(`/proc/${owner}`) && !(await isMarked(owner)) ? [] : [`ledger ${name}`]
    }),
  )
  return ours.flat()
}

/** Files with the project's name in shared memory and where temporary files are, except those of other processes. */
async function ownFiles(): Promise<string[]> {
  const folders = await Promise.all(['/dev/shm', tmpdir(), '/var/tmp'].map(entriesOf))
  const named = folders.flat().filter((file) => basename(file).includes(NAME))
  const ours = await Promise.all(named.map(async (file) => ((await isOfOther(file)) ? [] : [`file ${file}`])))
  return ours.flat()
}

/** Whether the name of a file has the pid of a process that this test has not started. The product's own have none. */
async function isOfOther(file: string): Promise<boolean> {
  const pids = [...basename(file).matchAll(/-(\d+)(?=-|$)/g)].map(([, pid = '']) => pid)
  const own = await Promise.all(pids.map(async (pid) => Number(pid) === process.pid || isMarked(pid)))
  return own.includes(false)
}

/** What an interrupted build leaves in the cache: drafts that no command line of a running build names. */
async function drafts(): Promise<string[]> {
  const found = (await entriesOf(CACHE)).filter((file) => file.includes('.draft-'))
  if (found.length === 0) return []
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const commands = (await Promise.all(pids.map(commandOf))).join('\n')
  return found.flatMap((file) => (commands.includes(file) ? [] : [`file ${file}`]))
}

/** The project's loop devices that no process has mounted: of a mounted one, the kernel detaches it with the mount. */
async function loopDevices(): Promise<string[]> {
  const loops = (await readdir('/sys/block')).filter((name) => name.startsWith('loop'))
  const attached = await Promise.all(
    loops.map(async (name) => [name, await textOf(`/sys/block/${name}/loop/backing_file`)] as const),
  )
  const ours = attached.filter(([, file]) => file.includes(NAME))
  if (ours.length === 0) return []
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const mounted = (await Promise.all(pids.map((pid) => textOf(`/proc/${pid}/mountinfo`)))).join('')
  return ours.flatMap(([name, file]) =>
    mounted.includes(` /dev/${name} `) ? [] : [`loop device /dev/${name} on ${file.trim()}`],
  )
}

const entriesOf = async (folder: string): Promise<string[]> =>
  (await readdir(folder).catch(() => [])).map((name) => join(folder, name))

async function files(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  return names.map((name) => `file ${join(folder, name)}`)
}
