import { mkdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { CriuBenchError, reasonOf } from '../../errors.ts'
import { hostPath, type Host } from '../../host/host.ts'
import { makeFolder } from '../../host/folders.ts'
import { WORK } from '../../installation/paths.ts'
import { run } from '../../process/process.ts'
import { holdsWithin } from '../../process/wait.ts'
import { describeBytes, type Bytes } from '../../units.ts'
import type { MountedFilesystem, MountOptions } from '../filesystem.ts'
import { unmount } from '../mount-point.ts'
import { mountClient, type Client } from './client.ts'
import { unmountLazily } from './fuse.ts'
import { leaveCleanupHook, leftBehind, ownName, remove } from './own-folder.ts'
import type { Service } from './service.ts'
import {
  describeSpace,
  diagnose,
  PATIENCE,
  spaceOf,
  watch,
  type MonitoredMount,
  type Mount,
} from './trouble.ts'

/**
 * Makes a folder for this run on a cluster and binds it on `point`. The same client makes, uses and removes it: a second
 * client would compete with it for Ceph's capabilities (leases on files).
 */
export async function mountFolder(
  host: Host,
  point: string,
  room: Bytes,
  service: Service,
  options: MountOptions,
): Promise<MountedFilesystem> {
  await using undo = new AsyncDisposableStack()
  undo.defer(service.reserve(room))
  const name = await ownName()
  const whole = join(WORK, name)
  const location = { host, point, whole, folder: join(whole, name) }
  const mounted = undo.use(new MountedFolder(location, room, service, options))
  await mounted.build(room)
  undo.move()
  return mounted
}

/** Milliseconds to learn that a client has ended. */
const END_LIMIT = 5000

interface FolderLocation {
  readonly host: Host
  /** Where the folder is bound. */
  readonly point: string
  /** Where the client is mounted, and this run's folder in it. */
  readonly whole: string
  readonly folder: string
}

class MountedFolder implements MountedFilesystem {
  readonly name = 'ceph'
  readonly point: string
  readonly servers: Host | undefined
  description = ''
  #location: FolderLocation
  /** What the folder may need as a whole. */
  readonly #room: Bytes
  readonly #service: Service
  readonly #options: MountOptions
  #undo = new AsyncDisposableStack()
  #monitored: MonitoredMount | undefined
  #trouble: CriuBenchError | undefined
  /** Whether the folder exists. */
  #made = false
  /** Whether the folder stays for another host. */
  #kept = false

  constructor(location: FolderLocation, room: Bytes, service: Service, options: MountOptions) {
    this.point = location.point
    this.#room = room
    this.servers = service.servers
    this.#location = location
    this.#service = service
    this.#options = options
  }

  /** Mounts the folder. Throws CriuBenchError without `free` bytes. */
  async build(free: Bytes): Promise<void> {
    const { host, point, whole, folder } = this.#location
    const service = this.#service
    await makeFolder(host, whole)
    this.#undo.defer(() => this.#salvage())
    const client = this.#undo.use(await this.#mountClient())
    this.description = `CephFS by ${client.description}, ${service.description}`
    this.#undo.defer(service.onLoss(() => void client.sever()))
    const mount = { host, whole, patience: this.#options.patience ?? PATIENCE }
    await checkRoom(mount, free, service)
    await this.#sweep()
    await makeRunFolder(host, folder, service)
    this.#made = true
    this.#monitored = { ...mount, client, folder, room: this.#room, description: service.description }
    if (service.outlives) this.#undo.use(await leaveCleanupHook(host, this.#location))
    this.#undo.defer(async () => {
      if (!this.#gone() && !this.#kept) await this.#remove(client).catch(() => {})
    })
    await bind(host, folder, point)
    this.#undo.defer(() => this.#unbind())
  }

  async dropCache(): Promise<void> {
    const { host, point, folder } = this.#location
    await unmount(host, point)
    await this.#monitored?.client.remount()
    await bind(host, folder, point)
  }

  async moveTo(host: Host): Promise<void> {
    const before = this.#location
    try {
      await this.#rebuild({ ...before, host })
    } catch (error) {
      // Otherwise nobody would remove the folder.
      await this.#rebuild(before)
      throw error
    }
  }

  /** Unmounts the folder, keeps its content, and mounts it at another location. */
  async #rebuild(location: FolderLocation): Promise<void> {
    this.#kept = true
    await this.#undo.disposeAsync()
    this.#undo = new AsyncDisposableStack()
    this.#location = location
    // The content of the folder is there already: it needs no more room.
    await this.build(0)
    this.#kept = false
  }

  async lost(): Promise<CriuBenchError | undefined> {
    const isGone = (await this.#location.host.lost?.()) ?? this.#gone()
    if (isGone || !this.#monitored) return isGone
    const trouble = await diagnose(this.#monitored).catch(async (error: unknown) => {
      // A mount whose client has just ended answers with an error before this process knows of that end.
      if (await holdsWithin(() => this.#gone() !== undefined, { limit: END_LIMIT })) return undefined
      throw error
    })
    if (!trouble || this.#gone()) return this.#gone()
    // A client whose writes are refused can still remove the folder; a client that waits has to be ended.
    this.#service.giveUp?.(trouble.error)
    if (trouble.hangs || this.#service.lost) {
      this.#trouble = trouble.error
      await this.#monitored.client.sever()
    }
    return trouble.error
  }

  watch(): Disposable {
    return this.#monitored ? watch(this.#monitored, () => this.lost()) : { [Symbol.dispose]: () => undefined }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#undo.disposeAsync()
  }

  #gone(): CriuBenchError | undefined {
    const ended = this.#monitored?.client.lost
    // A test cluster would wait for minutes until it gives away what a dead client held.
    if (ended) this.#service.giveUp?.(ended)
    return this.#trouble ?? this.#service.lost ?? ended
  }

  readonly #progress = (line: string): void => this.#options.progress?.(line)

  #mountClient(): Promise<Client> {
    const { access, path } = this.#service
    return mountClient(this.#location.host, access, path, this.#location.whole, this.#options.ceph?.client)
  }

  /** Removes folders of killed runs, by a second client that can be ended: the cluster may hold their locks for minutes. */
  async #sweep(): Promise<void> {
    const { host, whole } = this.#location
    const left = await leftBehind(host, whole)
    if (left.length === 0) return
    await using undo = new AsyncDisposableStack()
    const point = `${whole}-sweep`
    await mkdir(hostPath(host, point))
    const { access, path } = this.#service
    const client = undo.use(await mountClient(host, access, path, point, this.#options.ceph?.client))
    for (const name of left) {
      this.#progress(`removing ${name}, the folder of a killed run`)
      const removed = await remove(host, join(point, name)).then(
        () => true,
        () => false,
      )
      if (removed) continue
      this.#progress(
        'not removed: the cluster waits up to five minutes for the killed client; a later run removes the folder',
      )
      await client.sever()
      return
    }
  }

  async #unbind(): Promise<void> {
    await (this.#gone()
      ? unmountLazily(this.#location.host, this.point)
      : unmount(this.#location.host, this.point))
  }

  /** When the cluster does not take even the removal, the client is ended: the removal would wait forever. */
  async #remove(client: Client): Promise<void> {
    try {
      await remove(this.#location.host, this.#location.folder)
      this.#made = false
    } catch (error) {
      await client.sever()
      throw error
    }
  }

  /**
   * Removes the folder by a new client, after the first one had to be ended. A cluster that is full, by a quota or by its
   * full ratio, takes removals. Where that fails, the next run on this machine removes the folder.
   */
  async #salvage(): Promise<void> {
    if (!this.#made || this.#kept || this.#service.lost) return
    const { whole, folder } = this.#location
    await using undo = new AsyncDisposableStack()
    try {
      await this.#remove(undo.use(await this.#mountClient()))
    } catch (error) {
      const left = join(this.#service.path, relative(whole, folder))
      this.#progress(
        `the next run on this machine removes a folder that is left on ceph: ${left}\n${reasonOf(error)}`,
      )
    }
  }
}

/** The first write on the file system. Throws CriuBenchError where the user may not write. */
async function makeRunFolder(
  host: Host,
  folder: string,
  { access, description, path }: Service,
): Promise<void> {
  try {
    await makeFolder(host, folder, 0o755)
  } catch (cause) {
    throw new CriuBenchError(
      {
        failed: `cannot make a folder on ceph (${description})`,
        found: reasonOf(cause),
        expected: `a user that may write in ${path} as root`,
        fix: `give client.${access.user} that access, without root_squash: ceph fs authorize FILESYSTEM client.${access.user} ${path} rw`,
      },
      { cause },
    )
  }
}

/** Throws CriuBenchError when the file system has not enough room, before anything is written. */
async function checkRoom(mount: Mount, room: Bytes, service: Service): Promise<void> {
  const space = await spaceOf(mount)
  if (space.free >= room) return
  throw new CriuBenchError({
    failed: `cannot make room for ${describeBytes(room)} on ceph (${service.description})`,
    found: describeSpace(space),
    expected: `${describeBytes(room)} free`,
    fix: 'free some space (ceph df), or measure smaller sizes: VITEST_CRIU_SIZES=1MB,4MB',
  })
}

const bind = (host: Host, path: string, point: string) =>
  run(host, {
    argv: ['mount', '--bind', path, point],
    failed: `cannot bind ${path} on ${point}`,
    fix: 'run as root with CAP_SYS_ADMIN',
    timeout: 30_000,
  })
