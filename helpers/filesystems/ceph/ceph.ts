import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CriuBenchError } from '../../errors.ts'
import { seenFrom, type Host } from '../../system/host.ts'
import { availableMemory } from '../../system/memory.ts'
import type { Network } from '../../system/network.ts'
import { run } from '../../system/process.ts'
import { WORK } from '../../system/paths.ts'
import { describeBytes, type Bytes } from '../../units.ts'
import type { Filesystem, MountedFilesystem, MountOptions } from '../filesystem.ts'
import { unmount } from '../mount-point.ts'
import { mountClient, unmountLazily } from './client.ts'
import { Cluster } from './cluster.ts'
import { missingPackages } from './packages.ts'

/** CephFS: checkpoints on a file system that other machines can restore from. */
export const ceph: Filesystem = {
  name: 'ceph',
  summary: 'CephFS, of a test cluster on this machine',
  inMemory: true,
  clientPrograms: ['ceph-fuse'],
  missing: () => missingPackages(),
  mount,
  close,
}

/** What the suites of one worker share. */
interface Shared {
  readonly cluster: Cluster
  /** What each mounted folder may come to hold. */
  readonly reserved: Map<symbol, Bytes>
}

/** A network's cluster; that of this machine's loopback under undefined. */
const sharings = new Map<Network | undefined, Promise<Shared>>()
let suites = 0

/** Ceph's own: an OSD calls itself full there. */
const FULL_RATIO = 0.95

async function open(network: Network | undefined, { progress = () => {} }: MountOptions): Promise<Shared> {
  const capacity = await availableMemory()
  const cluster = await Cluster.start({ store: 'memstore', capacity, progress, network })
  network?.own({ [Symbol.asyncDispose]: () => closeOne(network) })
  return { cluster, reserved: new Map() }
}

/** The running cluster of a network; a new one where there is none, or where it has lost a daemon. */
async function running(network: Network | undefined, options: MountOptions): Promise<Shared> {
  const known = sharings.get(network)
  if (known && (await known.catch(() => undefined))?.cluster.lost) await closeOne(network)
  const sharing = sharings.get(network) ?? open(network, options)
  sharings.set(network, sharing)
  try {
    return await sharing
  } catch (error) {
    sharings.delete(network)
    throw error
  }
}

/** The cluster that mounts of this process share; undefined while there is none. */
export const sharedCluster = async (network?: Network): Promise<Cluster | undefined> =>
  (await sharings.get(network))?.cluster

/** Ends every cluster, or that of one network alone. */
async function close(): Promise<void> {
  for (const network of sharings.keys()) await closeOne(network)
}

async function closeOne(network: Network | undefined): Promise<void> {
  const ending = sharings.get(network)
  sharings.delete(network)
  await (await ending)?.cluster[Symbol.asyncDispose]()
}

/** Refuses what the cluster cannot hold beside what it was asked to hold: a full OSD lets its writers wait for ever. */
function reserve({ cluster: { capacity }, reserved }: Shared, room: Bytes): () => void {
  const taken = [...reserved].reduce((sum, [, bytes]) => sum + bytes, 0)
  if (taken + room > capacity * FULL_RATIO) {
    throw new CriuBenchError({
      failed: `cannot make room for ${describeBytes(room)} on ceph`,
      found: `${describeBytes(capacity)}, of which ${describeBytes(taken)} are taken`,
      expected: describeBytes((taken + room) / FULL_RATIO),
      mend: 'free memory, or measure fewer or smaller sizes at once: VITEST_CRIU_SIZES=1MB,4MB',
    })
  }
  const reservation = Symbol('reservation')
  reserved.set(reservation, room)
  return () => void reserved.delete(reservation)
}

async function mount(
  host: Host,
  point: string,
  room: Bytes,
  options: MountOptions = {},
): Promise<MountedFilesystem> {
  const sharing = await running(host.network, options)
  const { cluster } = sharing
  await using undo = new AsyncDisposableStack()
  undo.defer(reserve(sharing, room))
  const folder = `suite-${suites++}`
  let attached = await attach(host, cluster, folder, point)
  undo.defer(() => attached.detach('remove'))
  const owned = undo.move()
  return {
    name: 'ceph',
    point,
    description: `CephFS by ceph-fuse, ${cluster.description}`,
    dropCache: () => attached.remount(),
    moveTo: async (other) => {
      await attached.detach('keep')
      try {
        attached = await attach(other, cluster, folder, point)
      } catch (error) {
        // Somebody has to remove the folder.
        attached = await attach(host, cluster, folder, point)
        throw error
      }
    },
    lost: () => cluster.lost,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** A folder of the cluster on a path of a host. */
interface Attached {
  /** Unmounts it and mounts it again: nothing of it is cached then. */
  remount(): Promise<void>
  /** Unmounts it, and removes the folder or keeps it for another host. */
  detach(then: 'remove' | 'keep'): Promise<void>
}

/** One client makes the folder, uses it through a bind and removes it: a second one would contend for its capabilities. */
async function attach(host: Host, cluster: Cluster, folder: string, point: string): Promise<Attached> {
  await using undo = new AsyncDisposableStack()
  const whole = join(WORK, `ceph-${folder}`)
  await mkdir(seenFrom(host, whole), { recursive: true })
  const client = undo.use(await mountClient(host, cluster.access, '/', whole))
  undo.defer(cluster.onLoss(() => void client.sever()))
  const path = join(whole, folder)
  await mkdir(seenFrom(host, path), { mode: 0o755, recursive: true })
  let end: 'remove' | 'keep' = 'remove'
  undo.defer(async () => {
    if (end === 'remove' && !cluster.lost) await rm(seenFrom(host, path), { recursive: true, force: true })
  })
  await bind(host, path, point)
  undo.defer(async () => {
    await (cluster.lost ? unmountLazily(host, point) : unmount(host, point))
  })
  const owned = undo.move()
  return {
    remount: async () => {
      await unmount(host, point)
      await client.remount()
      await bind(host, path, point)
    },
    detach: (then) => {
      end = then
      return owned.disposeAsync()
    },
  }
}

const bind = (host: Host, path: string, point: string) =>
  run(host, {
    argv: ['mount', '--bind', path, point],
    failed: `cannot bind ${path} on ${point}`,
    mend: 'run as root with CAP_SYS_ADMIN',
    timeout: 30_000,
  })
