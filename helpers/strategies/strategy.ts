import type { RunPhase } from '../../reports/timeline.ts'
import type { StrategyName } from '../config/names.ts'
import type { LaunchRequest } from '../container/launcher.ts'
import type { Afterwards } from '../criu/restore.ts'
import type { Handler } from '../handlers/definition.ts'
import type { Host } from '../host/host.ts'
import type { Bytes, Nanoseconds } from '../units.ts'
import type { Rootfs } from '../checkpoint/rootfs.ts'

/** How a checkpoint is restored: one value for each way. */
export interface Strategy {
  /** As in titles and options: "mapped". */
  readonly name: StrategyName
  /** Phases that no other strategy has. */
  readonly phases?: readonly RunPhase[]
  /** Why this machine cannot use the strategy; undefined where it can. */
  missing?(): string | undefined
  /** Set-up after the copy: makes what restores need in addition to the images. Throws CriuBenchError. */
  prepare(host: Host, rootfs: Rootfs, origin: Origin): Promise<void>
  /** Opens what `prepare` made on a rootfs. Throws CriuBenchError where it has changed since. */
  open(host: Host, rootfs: Rootfs, origin: Origin): Promise<Restorable>
  /** Nothing is restored: each sample starts the handler anew in the container. */
  readonly fromScratch?: true
}

/** The process that was dumped. */
export interface Origin {
  readonly handler: Handler
  readonly size: Bytes
}

/** A checkpoint that one strategy can restore any number of times. */
export interface Restorable {
  readonly strategy: StrategyName
  /** The container's root directory, where it is not the checkpoint's rootfs. */
  readonly root?: string
  /** Folders of the host that the container sees read-only: from, at. */
  readonly readOnly?: LaunchRequest['readOnly']
  /** No CRIU runs, so there are no statistics of a restore. */
  readonly fromScratch?: true
  /** What the container executes. CRIU's log and statistics go to `folder`, the handler's own. */
  command(folder: string, afterwards?: Afterwards): string[]
  /** The memory in which the launcher handles discards; undefined for none. */
  readonly guard?: LaunchRequest['guard']
  /** Runs right before each restore and is not measured. Throws CriuBenchError where memory would come back wrong. */
  check(): Promise<void>
  /** After the end: when the last page was loaded, CLOCK_REALTIME in ns, read from the handler's folder. */
  drained?(folder: string): Promise<Nanoseconds>
  /** Bytes that are mapped from a file and loaded on demand. */
  readonly mapped: Bytes
  /** Bytes that CRIU copies into the process. */
  readonly copied: Bytes
}
