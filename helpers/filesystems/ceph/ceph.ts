import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CriuBenchError } from '../../errors.ts'
import { seenFrom, type Host } from '../../system/host.ts'
import { availableMemory } from '../../system/memory.ts'
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

let shared: Promise<Shared> | undefined
let suites = 0

/** Ceph's own: an OSD calls itself full there. */
const FULL_RATIO = 0.95

async function open({ progress = () => {} }: MountOptions): Promise<Shared> {
  const capacity = await availableMemory()
  return { cluster: await Cluster.start({ store: 'memstore', capacity, progress }), reserved: new Map() }
}

/** The running cluster; a new one where there is none, or where it has lost a daemon. */
async function running(options: MountOptions): Promise<Shared> {
  if (shared && (await shared.catch(() => undefined))?.cluster.lost) await close()
  shared ??= open(options)
  try {
    return await shared
  } catch (error) {
    shared = undefined
    throw error
  }
}

/** The cluster that mounts of this process share; undefined while there is none. */
export const sharedCluster = async (): Promise<Cluster | undefined> => (await shared)?.cluster

async function close(): Promise<void> {
  const ending = shared
  shared = undefined
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
  const sharing = await running(options)
  const { cluster } = sharing
  await using undo = new AsyncDisposableStack()
  undo.defer(reserve(sharing, room))
  // One client makes the folder, uses it through a bind and removes it: a second one would contend for its capabilities.
  const folder = `suite-${suites++}`
  const whole = join(WORK, `ceph-${folder}`)
  await mkdir(seenFrom(host, whole), { recursive: true })
  const client = undo.use(await mountClient(host, cluster.access, '/', whole))
  undo.defer(cluster.onLoss(() => void client.sever()))
  const path = join(whole, folder)
  await mkdir(seenFrom(host, path), { mode: 0o755 })
  undo.defer(async () => {
    if (!cluster.lost) await rm(seenFrom(host, path), { recursive: true, force: true })
  })
  await bind(host, path, point)
  undo.defer(async () => {
    await (cluster.lost ? unmountLazily(host, point) : unmount(host, point))
  })
  const owned = undo.move()
  return {
    name: 'ceph',
    point,
    description: `CephFS by ceph-fuse, ${cluster.description}`,
    dropCache: async () => {
      await unmount(host, point)
      await client.remount()
      await bind(host, path, point)
    },
    lost: () => cluster.lost,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const bind = (host: Host, path: string, point: string) =>
  run(host, {
    argv: ['mount', '--bind', path, point],
    failed: `cannot bind ${path} on ${point}`,
    mend: 'run as root with CAP_SYS_ADMIN',
    timeout: 30_000,
  })
