import type { FilesystemName } from '../config/names.ts'
import type { CephSettings } from '../config/options.ts'
import type { CriuBenchError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import type { Network } from '../network/network.ts'
import type { Bytes } from '../units.ts'

/** What the rootfs and the images live on: one value a kind. `mount` gives the only thing that can be unmounted. */
export interface Filesystem {
  /** As in titles, options and the reference: "tmpfs". */
  readonly name: FilesystemName
  /** What it is, in one line, for people. */
  readonly summary: string
  /** Whether what lies on it takes this machine's memory. */
  inMemory(options?: MountOptions): boolean
  /** Why its files are never out of the cache; undefined where they can be, and `dropCache` takes them out. */
  readonly noCold?: string
  /** Programs that another host needs to mount it, too; only of a filesystem that hosts can share. */
  clientPrograms?(options?: MountOptions): readonly string[]
  /** What this machine lacks for it; undefined where nothing does. */
  missing(options?: MountOptions): Missing | undefined
  /** Mounts it on an existing, empty folder of `host`, with room for `room` bytes. Throws CriuBenchError. */
  mount(host: Host, point: string, room: Bytes, options?: MountOptions): Promise<MountedFilesystem>
  /** Ends what its mounts shared, after the last of them is gone. */
  close?(): Promise<void>
}

export interface MountOptions {
  /** Told about what takes seconds. */
  readonly progress?: (line: string) => void
  /** The network by which hosts reach the filesystem's servers; this machine's loopback when left out. */
  readonly network?: Network | undefined
  /** What the user set for the filesystem `ceph`. */
  readonly ceph?: CephSettings | undefined
  /** How long a server may take for one block before it counts as away, ms; the filesystem's own when left out. */
  readonly patience?: number
}

export interface Missing {
  readonly found: string
  /** What installs it. */
  readonly fix: string
}

export interface MountedFilesystem extends AsyncDisposable {
  readonly name: string
  readonly point: string
  /** What was mounted and how, for people and for the fingerprint. */
  readonly description: string
  /** Where servers run that this run has started for it: their work belongs to what is measured, and goes on after it. */
  readonly servers?: Host | undefined
  /** Takes the content of its files out of this machine's cache, and of no other file system. Throws CriuBenchError. */
  dropCache?(): Promise<void>
  /** Unmounts it and mounts it on the same path of another host, with all that lies on it. Throws CriuBenchError. */
  moveTo?(host: Host): Promise<void>
  /** Asked when work on it failed: what took it away, such as a server that ended or is full; undefined if it is well. */
  lost?(): Promise<CriuBenchError | undefined>
  /** Looks after it while work on it goes on, which must not wait for ever: takes the mount away where it would. */
  watch?(): Disposable
}
