import type { FilesystemName } from '../config/names.ts'
import type { CephSettings } from '../config/options.ts'
import type { CriuBenchError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import type { Network } from '../network/network.ts'
import type { Bytes } from '../units.ts'

/** A kind of filesystem for the rootfs and the images. Only what `mount` returns can be unmounted. */
export interface Filesystem {
  /** As in titles, options and the reference: "tmpfs". */
  readonly name: FilesystemName
  /** A description in one line, for people. */
  readonly summary: string
  /** Whether its files take up this machine's memory. */
  inMemory(options?: MountOptions): boolean
  /** Why its files are always in the page cache; undefined when `dropCache` can drop them. */
  readonly noCold?: string
  /** Programs that another host needs to mount it as well; only for a filesystem that hosts can share. */
  clientPrograms?(options?: MountOptions): readonly string[]
  /** What this machine lacks to use it; undefined when it can be used. */
  missing(options?: MountOptions): Missing | undefined
  /** Mounts it on an existing, empty folder of `host`, with room for `room` bytes. Throws CriuBenchError. */
  mount(host: Host, point: string, room: Bytes, options?: MountOptions): Promise<MountedFilesystem>
  /** Ends what its mounts shared, such as a cluster, after the last unmount. */
  close?(): Promise<void>
}

export interface MountOptions {
  /** Called with a line before anything that takes seconds. */
  readonly progress?: (line: string) => void
  /** The network by which hosts reach the filesystem's servers; this machine's loopback when left out. */
  readonly network?: Network | undefined
  /** The user's settings for the filesystem `ceph`. */
  readonly ceph?: CephSettings | undefined
  /** Milliseconds that a server may take for one block before it counts as lost; each filesystem has a default. */
  readonly patience?: number
}

export interface Missing {
  readonly found: string
  /** The command that installs it. */
  readonly fix: string
}

export interface MountedFilesystem extends AsyncDisposable {
  readonly name: string
  readonly point: string
  /** What is mounted and how, for people and for the fingerprint. */
  readonly description: string
  /** The host of the servers that this run has started: their CPU time is not noise, and they still work after a dump. */
  readonly servers?: Host | undefined
  /** The room that it still has. Missing if others share it, and it reports itself that it is full. */
  free?(): Promise<Bytes>
  /** Makes it larger by so many bytes. Throws CriuBenchError. */
  grow?(bytes: Bytes): Promise<void>
  /** Drops its files, and no others, from this machine's page cache. Throws CriuBenchError. */
  dropCache?(): Promise<void>
  /** Unmounts it and mounts it with its content at the same path of another host. Throws CriuBenchError. */
  moveTo?(host: Host): Promise<void>
  /** Asked after a failure: why the mount is lost, such as a server that ended or is full; undefined when it is fine. */
  lost?(): Promise<CriuBenchError | undefined>
  /** Watches the mount during work on it, and takes the mount away when the work would wait forever. */
  watch?(): Disposable
}
