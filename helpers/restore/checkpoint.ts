import type { Rootfs } from '../checkpoint/rootfs.ts'
import type { Handler } from '../handlers/definition.ts'
import type { Host } from '../host/host.ts'
import type { Restorable } from '../strategies/index.ts'
import type { Bytes } from '../units.ts'

/** A checkpoint that is ready to be restored, and the checksum that a restored process must return. */
export interface Checkpoint {
  readonly host: Host
  readonly rootfs: Rootfs
  readonly restorable: Restorable
  readonly containerName: string
  readonly handler: Handler
  readonly size: Bytes
  /** The pid of the dumped process, and so of the restored one. */
  readonly pid: number
  /** Checksum from before the dump. */
  readonly checksum: string
}
