import type { Host } from '../system/host.ts'
import type { Bytes } from '../units.ts'

/** What the rootfs and the images live on: one value a kind. `mount` gives the only thing that can be unmounted. */
export interface Filesystem {
  /** As in titles, options and the reference: "tmpfs". */
  readonly name: string
  /** Mounts it on an existing, empty folder of `host`, with room for `room` bytes. Throws CriuBenchError. */
  mount(host: Host, point: string, room: Bytes): Promise<MountedFilesystem>
}

export interface MountedFilesystem extends AsyncDisposable {
  readonly name: string
  readonly point: string
  /** What was mounted and how, for people and for the fingerprint. */
  readonly description: string
}
