import { statfs } from 'node:fs/promises'
import type { CephSettings } from '../../config/options.ts'
import { availableMemory } from '../../system/memory.ts'
import { GB, type Bytes } from '../../units.ts'
import type { Filesystem, Missing, MountOptions } from '../filesystem.ts'
import { Cluster } from './cluster.ts'
import { existingCluster } from './existing.ts'
import { mountFolder } from './mounted.ts'
import { missingPackages } from './packages.ts'
import type { Service } from './service.ts'

/** CephFS: checkpoints on a file system that other machines can restore from. */
export const ceph: Filesystem = {
  name: 'ceph',
  summary: 'CephFS, of a test cluster on this machine or of your own',
  inMemory: ({ ceph: settings } = {}) => settings?.conf === undefined && settings?.store !== 'bluestore',
  missing,
  mount: async (host, point, room, options = {}) =>
    mountFolder(host, point, room, await running(options), options),
  close,
}

/** What of Ceph a client alone needs. */
const CLIENT_PROGRAMS: Readonly<Record<CephSettings['client'], readonly string[]>> = {
  auto: ['ceph-fuse', 'ceph'],
  fuse: ['ceph-fuse', 'ceph'],
  kernel: ['mount.ceph', 'ceph'],
}

function missing({ ceph: settings }: MountOptions = {}): Missing | undefined {
  return settings?.conf === undefined ? missingPackages() : missingPackages(CLIENT_PROGRAMS[settings.client])
}

/** The cluster that the suites of one worker share. */
let shared: Promise<Service> | undefined

/** The running cluster; a new one where there is none, or where it is lost. */
async function running(options: MountOptions): Promise<Service> {
  if (shared && (await shared.catch(() => undefined))?.lost) await close()
  shared ??= open(options)
  try {
    return await shared
  } catch (error) {
    shared = undefined
    throw error
  }
}

async function open({ ceph: settings, progress = () => {} }: MountOptions): Promise<Service> {
  if (settings?.conf !== undefined) return existingCluster(settings.conf, settings)
  const store = settings?.store ?? 'memstore'
  const capacity = settings?.capacity ?? (await (store === 'memstore' ? availableMemory() : availableDisk()))
  return Cluster.start({ store, capacity, progress })
}

/** For a test cluster on disk: all six sizes, one after the other, and what bluestore takes for itself. */
const ON_DISK: Bytes = 16 * GB

async function availableDisk(): Promise<Bytes> {
  const { bavail, bsize } = await statfs('/var/tmp')
  return Math.min(ON_DISK, Math.floor((bavail * bsize) / 2))
}

/** The test cluster that mounts of this process share; undefined while there is none. */
export async function sharedCluster(): Promise<Cluster | undefined> {
  const service = await shared
  return service instanceof Cluster ? service : undefined
}

async function close(): Promise<void> {
  const ending = shared
  shared = undefined
  await (await ending)?.[Symbol.asyncDispose]()
}
