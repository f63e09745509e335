import type { RunPhase } from '../../reports/timeline.ts'
import type { StrategyName } from '../config/names.ts'
import type { LaunchRequest } from '../container/launcher.ts'
import type { AfterRestore } from '../criu/restore.ts'
import type { Host } from '../host/host.ts'
import type { Bytes, Nanoseconds } from '../units.ts'
import type { StartedHandler } from '../checkpoint/further-files.ts'
import type { Rootfs } from '../checkpoint/rootfs.ts'

/** A way to restore a checkpoint. */
export interface Strategy {
  /** The name in titles and options: "mapped". */
  readonly name: StrategyName
  /** Phases that no other strategy has. */
  readonly phases?: readonly RunPhase[]
  /** Why this machine cannot use the strategy, or undefined if it can. */
  missing?(): string | undefined
  /**
   * Set if `prepare` writes the memory of the dump again: the folder of the rootfs to which it does. This is the phase
   * `rewrite`.
   */
  readonly rewrites?: string
  /** Set-up after the copy: creates files that restores need in addition to the images. Throws CriuBenchError. */
  prepare(host: Host, rootfs: Rootfs, origin: StartedHandler): Promise<void>
  /** Opens the result of `prepare`. Throws CriuBenchError if it has changed since. */
  open(host: Host, rootfs: Rootfs, origin: StartedHandler): Promise<Restorable>
  /** Set if nothing is restored: each sample starts the handler from scratch in the container. */
  readonly fromScratch?: true
}

/** A checkpoint that one strategy can restore any number of times. */
export interface Restorable {
  readonly strategy: StrategyName
  /** The container's root directory, if it is not the checkpoint's rootfs. */
  readonly root?: string
  /** Folders that the container sees read-only, and not through its layer: path on the host, path in the container. */
  readonly readOnly: ReadonlyArray<readonly [string, string]>
  /** Folders that it sees through a layer of its own. */
  readonly layered?: ReadonlyArray<readonly [string, string]>
  /** Set if CRIU does not run, so that there are no statistics of a restore. */
  readonly fromScratch?: true
  /** The command that the container executes. CRIU's log and statistics go to `folder`, the run folder. */
  command(folder: string, afterwards?: AfterRestore): string[]
  /** The memory range in which the launcher handles discards, if any. */
  readonly guard?: LaunchRequest['guard']
  /** Runs before each restore and is not measured. Throws CriuBenchError if memory would be restored wrong. */
  check(): Promise<void>
  /** Call after the end. Reads from the run folder when the last page was loaded: CLOCK_REALTIME in ns. */
  drained?(folder: string): Promise<Nanoseconds>
  /** Bytes that are mapped from a file and loaded on demand. */
  readonly mapped: Bytes
  /** Bytes that are copied before a process runs. */
  readonly copied: Bytes
  /** How many of them are memory that processes share. Missing if all memory is copied. */
  readonly shared?: Bytes
}
