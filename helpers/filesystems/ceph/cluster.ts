import { randomUUID } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { CriuBenchError } from '../../errors.ts'
import { ownCommand } from '../../installation/own-command.ts'
import { hostPath, type Host } from '../../host/host.ts'
import { makeFolder } from '../../host/folders.ts'
import type { Network } from '../../network/network.ts'
import { WORK } from '../../installation/paths.ts'
import { lastLines } from '../../process/child.ts'
import { start, type Daemon } from '../../process/daemon.ts'
import { run } from '../../process/process.ts'
import { openSandbox, type Sandbox } from '../../sandbox/sandbox.ts'
import { describeBytes, type Bytes } from '../../units.ts'
import { ext4 } from '../ext4.ts'
import { connect, type Monitors } from './commands.ts'
import { keyringOf, renderConf, renderKeyring } from './conf.ts'
import { IDS, KINDS, type Administered, type CommandWords, type Kind } from './daemons.ts'
import { BEFORE_MANAGER, untilHealthy } from './health.ts'
import type { Access, Service } from './service.ts'

export type Store = 'memstore' | 'bluestore'

export interface ClusterRequest {
  /** Where objects are stored: in the OSD's memory, or on disk behind a loop device. */
  readonly store: Store
  readonly capacity: Bytes
  readonly progress: (line: string) => void
  /** The network of its clients; this machine's loopback when left out. */
  readonly network?: Network | undefined
}

/** Ceph's default: an OSD that is used to this ratio counts as full. */
const FULL_RATIO = 0.95

/** The cluster's files, in the private tmpfs of its sandbox. */
const FOLDER = join(WORK, 'ceph')
const CONF = join(FOLDER, 'ceph.conf')
const KEYRING = join(FOLDER, 'keyring')
const FILESYSTEM = 'vitest-criu'
const LOOPBACK = '127.0.0.1'
const FIX = `look at the last lines of its log below; \`${ownCommand('doctor')}\` names what is missing`

/**
 * A Ceph cluster on this machine, on its loopback or in a private network: one daemon of each kind in a sandbox, with its
 * own keys, folders and ports. Nobody needs its content after the run: it is not shut down, but killed with its sandbox.
 */
export class Cluster implements Service, Administered {
  readonly description: string
  readonly path = '/'
  readonly outlives = false
  readonly capacity: Bytes
  readonly sandbox: Sandbox
  readonly #daemons = new Map<Kind, Daemon>()
  readonly #losses = new Set<() => void>()
  readonly #reserved = new Map<symbol, Bytes>()
  #lost: CriuBenchError | undefined
  #monitors: Monitors | undefined
  readonly #address: string
  #stopping = false
  #keyring = ''
  #conf = ''

  private constructor(sandbox: Sandbox & { readonly address?: string }, { store, capacity }: ClusterRequest) {
    this.sandbox = sandbox
    this.capacity = capacity
    this.#address = sandbox.address ?? LOOPBACK
    const place = this.#address === LOOPBACK ? 'on loopback' : `at ${this.#address}`
    this.description = `a test cluster ${place} (mon, mgr, osd, mds; ${store}, ${describeBytes(capacity)})`
  }

  get servers(): Host {
    return this.sandbox
  }

  /** Starts a cluster and waits until it is healthy. Undone on failure. Throws CriuBenchError that names the daemon. */
  static async start(request: ClusterRequest): Promise<Cluster> {
    await using undo = new AsyncDisposableStack()
    const name = `vitest-criu-ceph-${process.pid}`
    const sandbox = await (request.network?.open(name) ?? openSandbox(name))
    const cluster = undo.use(new Cluster(sandbox, request))
    await cluster.#layOut(request)
    await cluster.#boot(request)
    undo.move()
    return cluster
  }

  get access(): Access {
    return { conf: this.#conf, keyring: keyringOf(this.#keyring, 'client.admin'), user: 'admin', filesystem: FILESYSTEM } // prettier-ignore
  }

  /** The error of a daemon that ended while it was needed; undefined while all daemons run. */
  get lost(): CriuBenchError | undefined {
    return this.#lost
  }

  /** Calls back once when a daemon ends, because clients would wait for it forever. Returns what cancels that. */
  onLoss(callback: () => void): () => void {
    this.#losses.add(callback)
    return () => void this.#losses.delete(callback)
  }

  /** Marks the cluster as lost: the next suite starts a new one. */
  giveUp(reason: CriuBenchError): void {
    this.#lost ??= reason
    for (const callback of this.#losses) callback()
    this.#losses.clear()
  }

  /** Reserves room, before anything is written. Throws CriuBenchError when the cluster cannot hold it. */
  reserve(room: Bytes): () => void {
    const taken = [...this.#reserved.values()].reduce((sum, bytes) => sum + bytes, 0)
    if (taken + room > this.capacity * FULL_RATIO) {
      throw new CriuBenchError({
        failed: `cannot make room for ${describeBytes(room)} on ceph`,
        found: `a cluster of ${describeBytes(this.capacity)}, of which ${describeBytes(taken)} are reserved`,
        expected: `a cluster of ${describeBytes((taken + room) / FULL_RATIO)}`,
        fix: 'free memory, or measure fewer or smaller sizes at once: VITEST_CRIU_SIZES=1MB,4MB',
      })
    }
    const reservation = Symbol('reservation')
    this.#reserved.set(reservation, room)
    return () => void this.#reserved.delete(reservation)
  }

  /** Restarts a daemon that stores nothing itself, as an administrator would. Clients wait in the meantime. */
  async restart(kind: 'mds' | 'mgr'): Promise<void> {
    const ending = this.#daemons.get(kind)
    this.#daemons.delete(kind)
    await ending?.[Symbol.asyncDispose]()
    this.#start(kind)
  }

  /** The process group of a daemon, as this process sees it. */
  groupOf(kind: Kind): number {
    return this.#daemons.get(kind)?.group ?? 0
  }

  async #layOut({ store, capacity }: ClusterRequest): Promise<void> {
    for (const name of [...KINDS, 'modules', 'run', 'log', 'crash'])
      await makeFolder(this.sandbox, join(FOLDER, name))
    if (store === 'bluestore') await ext4.mount(this.sandbox, join(FOLDER, 'osd'), capacity)
    const [address, port] = [this.#address, await freePort()]
    const words = { fsid: randomUUID(), address, port, folder: FOLDER, store, capacity }
    this.#conf = await renderConf(words)
    this.#keyring = renderKeyring()
    await writeFile(hostPath(this.sandbox, CONF), this.#conf)
    await writeFile(hostPath(this.sandbox, KEYRING), this.#keyring, { mode: 0o600 })
    const map = join(FOLDER, 'monmap')
    await this.#tool('monmaptool', '--create', '--fsid', words.fsid, '--addv', 'a', `[v2:${address}:${port}]`, map) // prettier-ignore
    await this.#tool('ceph-mon', '--mkfs', '--id', 'a', '--monmap', map, '--keyring', KEYRING, '--conf', CONF)
    await rm(hostPath(this.sandbox, map))
  }

  async #boot({ progress }: ClusterRequest): Promise<void> {
    progress(`starting ${this.description}`)
    const uuid = randomUUID()
    for (const kind of ['mon', 'mds'] as const) this.#start(kind)
    this.#monitors = connect(this.sandbox, CONF, FIX)
    const made = this.#tool('ceph-osd', '--mkfs', '--id', '0', '--osd-uuid', uuid, '--conf', CONF)
    await this.#unlessLost(Promise.all([made, this.command('osd new', { uuid, id: 0 })]))
    this.#start('osd')
    await this.#unlessLost(this.#makeFileSystem())
    await this.#unlessLost(untilHealthy(this, progress, BEFORE_MANAGER))
    // A manager that asks for the OSD's metadata just before the OSD is up does not ask again, and never reports its usage.
    this.#start('mgr')
    await this.#unlessLost(untilHealthy(this, progress))
  }

  async #makeFileSystem(): Promise<void> {
    const [metadata, data] = ['metadata', 'data']
    for (const pool of [metadata, data]) await this.command('osd pool create', { pool, pg_num: 8 })
    await this.command('fs new', { fs_name: FILESYSTEM, metadata, data })
  }

  #start(kind: Kind): void {
    const daemon = start(this.sandbox, {
      argv: [`ceph-${kind}`, '-f', '--id', IDS[kind], '--conf', CONF],
      failed: `the ceph-${kind} of the test cluster ended`,
      fix: FIX,
    })
    this.#daemons.set(kind, daemon)
    void daemon.ended.then(async (error) => {
      if (this.#stopping || this.#daemons.get(kind) !== daemon) return
      this.giveUp(await this.#withLog(error, kind))
    })
  }

  /** Adds the last lines of a daemon's log to an error: the log is deleted with the sandbox. */
  async #withLog(error: CriuBenchError, kind: Kind): Promise<CriuBenchError> {
    const log = await this.log(kind)
    return new CriuBenchError({
      ...error.facts,
      log: lastLines([log, error.facts.log].filter(Boolean).join('\n')),
    })
  }

  /** The last lines of a daemon's log. */
  async log(kind: Kind): Promise<string> {
    const file = hostPath(this.sandbox, join(FOLDER, 'log', `${kind}.log`))
    return lastLines(await readFile(file, 'utf8').catch(() => ''))
  }

  /** Waits for `work`. Throws when a daemon ends before. */
  async #unlessLost<T>(work: Promise<T>): Promise<T> {
    const ended = [...this.#daemons].map(async ([kind, { ended: end }]) => {
      throw await this.#withLog(await end, kind)
    })
    return Promise.race([work, ...ended])
  }

  async command(prefix: string, words: CommandWords = {}): Promise<string> {
    if (!this.#monitors) throw new Error('a cluster that was not started')
    return this.#monitors.command(prefix, words)
  }

  async #tool(...argv: string[]): Promise<string> {
    const failed = `cannot set up the test cluster: ${argv.join(' ')}`
    return (await run(this.sandbox, { argv, failed, fix: FIX, timeout: 30_000 })).stdout
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true
    // Together: a stopped nsenter, outside of the sandbox, would keep the daemon that it waits for, and so the sandbox.
    const programs = [...this.#daemons.values(), ...(this.#monitors ? [this.#monitors] : [])]
    await Promise.all([this.sandbox, ...programs].map((resource) => resource[Symbol.asyncDispose]()))
  }
}

/** A port on which nobody listens, at any address of this machine. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}
