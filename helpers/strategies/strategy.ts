import type { LaunchRequest } from '../container/launcher.ts'
import type { Afterwards } from '../criu/restore.ts'
import type { Handler } from '../handlers/definition.ts'
import type { Host } from '../host/host.ts'
import type { Bytes, Nanoseconds } from '../units.ts'
import type { Rootfs } from '../checkpoint/rootfs.ts'

/** How a checkpoint comes back: one value a kind. */
export interface Strategy {
  /** As in titles and options: "mapped". */
  readonly name: string
  /** Phases that it has besides those that all have. */
  readonly phases?: readonly string[]
  /** Why this machine cannot restore so; undefined where it can. */
  missing?(): string | undefined
  /** Set-up, once, after the copy: what the restores need besides the images. Throws CriuBenchError. */
  prepare(host: Host, rootfs: Rootfs, origin: Origin): Promise<void>
  /** What `prepare` left on that rootfs. Throws CriuBenchError where it is not what it was. */
  open(host: Host, rootfs: Rootfs, origin: Origin): Promise<Restorable>
  /** It restores nothing: the process is started anew in the container. */
  readonly fromScratch?: true
}

/** What a checkpoint was taken of. */
export interface Origin {
  readonly handler: Handler
  readonly size: Bytes
}

/** A checkpoint ready to be restored in one way, any number of times. */
export interface Restorable {
  readonly strategy: string
  /** The container's root, where that is not the rootfs of the checkpoint. */
  readonly root?: string
  /** What the container sees of the host, read-only: from, at. */
  readonly readOnly?: LaunchRequest['readOnly']
  /** As of its strategy: no CRIU runs, and so none leaves statistics. */
  readonly fromScratch?: true
  /** What the container executes; `folder` is the restored process' own, where logs and statistics go as well. */
  command(folder: string, afterwards?: Afterwards): string[]
  /** What the launcher has to guard while the container runs; undefined for nothing. */
  readonly guard?: LaunchRequest['guard']
  /** Refuses, right before a restore and outside of what is measured, what would come back wrong. */
  check(): Promise<void>
  /** After the end: when the last page had come in, CLOCK_REALTIME, ns, told in the process' folder. */
  drained?(folder: string): Promise<Nanoseconds>
  /** Bytes that are mapped from a file, and come in on demand. */
  readonly mapped: Bytes
  /** Bytes that CRIU copies into the process. */
  readonly copied: Bytes
}
