import { statfs } from 'node:fs/promises'
import type { CephSettings } from '../../config/options.ts'
import { availableMemory } from '../../machine/memory.ts'
import type { Network } from '../../network/network.ts'
import { GB, type Bytes } from '../../units.ts'
import type { Filesystem, Missing, MountOptions } from '../filesystem.ts'
import { Cluster } from './cluster.ts'
import { existingCluster } from './existing.ts'
import { mountFolder } from './monitored-mount.ts'
import { missingPackages } from './packages.ts'
import type { Service } from './service.ts'

/** CephFS: checkpoints on a file system that other machines can restore from. */
export const ceph: Filesystem = {
  name: 'ceph',
  summary: 'CephFS, of a test cluster on this machine or of your own',
  inMemory: ({ ceph: settings } = {}) => settings?.conf === undefined && settings?.store !== 'bluestore',
  clientPrograms: ({ ceph: settings } = {}) => CLIENT_PROGRAMS[settings?.client ?? 'auto'],
  missing,
  mount: async (host, point, room, options = {}) =>
    mountFolder(host, point, room, await running(options), options),
  close,
}

/** The programs that a client needs. */
const CLIENT_PROGRAMS: Readonly<Record<CephSettings['client'], readonly string[]>> = {
  auto: ['ceph-fuse', 'ceph'],
  fuse: ['ceph-fuse', 'ceph'],
  kernel: ['mount.ceph', 'ceph'],
}

function missing({ ceph: settings }: MountOptions = {}): Missing | undefined {
  return settings?.conf === undefined ? missingPackages() : missingPackages(CLIENT_PROGRAMS[settings.client])
}

/** The clusters that the suites of this process share, by their network; undefined is this machine's loopback. */
const services = new Map<Network | undefined, Promise<Service>>()

/** Returns the cluster of a network, and starts one where there is none or where it is lost. */
async function running(options: MountOptions): Promise<Service> {
  const { network } = options
  const known = services.get(network)
  if (known && (await known.catch(() => undefined))?.lost) await closeOne(network)
  const service = services.get(network) ?? open(options)
  services.set(network, service)
  try {
    return await service
  } catch (error) {
    services.delete(network)
    throw error
  }
}

async function open({ network, ceph: settings, progress = () => {} }: MountOptions): Promise<Service> {
  if (settings?.conf !== undefined) return existingCluster(settings.conf, settings)
  const store = settings?.store ?? 'memstore'
  const capacity = settings?.capacity ?? (await (store === 'memstore' ? availableMemory() : availableDisk()))
  const cluster = await Cluster.start({ store, capacity, progress, network })
  network?.own({ [Symbol.asyncDispose]: () => closeOne(network) })
  return cluster
}

/** Size of a test cluster on disk: enough for all six sizes, one after the other, and for bluestore itself. */
const ON_DISK: Bytes = 16 * GB

async function availableDisk(): Promise<Bytes> {
  const { bavail, bsize } = await statfs('/var/tmp')
  return Math.min(ON_DISK, Math.floor((bavail * bsize) / 2))
}

/** The test cluster that the mounts of this process share; undefined while there is none. */
export async function sharedCluster(network?: Network): Promise<Cluster | undefined> {
  const service = await services.get(network)
  return service instanceof Cluster ? service : undefined
}

/** Ends every cluster. */
async function close(): Promise<void> {
  for (const network of services.keys()) await closeOne(network)
}

async function closeOne(network: Network | undefined): Promise<void> {
  const ending = services.get(network)
  services.delete(network)
  await (await ending)?.[Symbol.asyncDispose]()
}
