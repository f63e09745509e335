import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { seenFrom, type Host } from '../../system/host.ts'
import { availableMemory } from '../../system/memory.ts'
import { WORK } from '../../system/paths.ts'
import type { Bytes } from '../../units.ts'
import type { Filesystem, MountedFilesystem, MountOptions } from '../filesystem.ts'
import { mountClient, type Client } from './client.ts'
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

/** What the suites of one worker share: the cluster, and its root for making and removing their folders. */
interface Shared {
  readonly cluster: Cluster
  readonly root: string
  readonly client: Client
}

let shared: Promise<Shared> | undefined
let suites = 0

const ROOT = join(WORK, 'root')

async function open({ progress = () => {} }: MountOptions): Promise<Shared> {
  const capacity = await availableMemory()
  await using undo = new AsyncDisposableStack()
  const cluster = undo.use(await Cluster.start({ store: 'memstore', capacity, progress }))
  await mkdir(seenFrom(cluster.sandbox, ROOT))
  const client = await mountClient(cluster.sandbox, cluster.access, '/', ROOT)
  cluster.onLoss(() => void client.sever())
  undo.move()
  return { cluster, client, root: seenFrom(cluster.sandbox, ROOT) }
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

async function close(): Promise<void> {
  const ending = shared
  shared = undefined
  // Its own mount goes with the sandbox that it is in.
  await (await ending)?.cluster[Symbol.asyncDispose]()
}

async function mount(
  host: Host,
  point: string,
  _room: Bytes,
  options: MountOptions = {},
): Promise<MountedFilesystem> {
  const { cluster: on, root } = await running(options)
  const folder = `suite-${suites++}`
  await using undo = new AsyncDisposableStack()
  await mkdir(join(root, folder), { mode: 0o755 })
  undo.defer(async () => void (on.lost || (await rm(join(root, folder), { recursive: true, force: true }))))
  const client = undo.use(await mountClient(host, on.access, `/${folder}`, point))
  const forget = on.onLoss(() => void client.sever())
  undo.defer(forget)
  const owned = undo.move()
  return {
    name: 'ceph',
    point,
    description: `CephFS by ceph-fuse, ${on.description}`,
    dropCache: () => client.remount(),
    lost: () => on.lost,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
