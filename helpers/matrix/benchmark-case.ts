import type { Filesystem } from '../filesystems/index.ts'
import type { Handler } from '../handlers/definition.ts'
import type { Shape } from '../network/network.ts'
import type { Strategy } from '../strategies/index.ts'
import type { Bytes } from '../units.ts'

/** The host that restores, where it is not the one that dumps. */
export interface RestoreHost {
  /** "namespace", or "ssh://user@host:port". */
  readonly name: string
  /** The limits of its link. */
  readonly link: Shape
}

/** What a dump is made of: cases that agree in it share one checkpoint. */
export interface CheckpointOrigin {
  readonly filesystem: Filesystem
  /** Bytes that the handler touches; its own memory where it has no sizes. */
  readonly size: Bytes
  readonly handler: Handler
  /** Whether the page cache is dropped before each sample. */
  readonly cold: boolean
  /** Missing where one host dumps and restores. */
  readonly restoreOn?: RestoreHost
}

/** One suite: a checkpoint, restored by one strategy. */
export interface BenchmarkCase extends CheckpointOrigin {
  /** As in `-t`: "tmpfs 64MB mapped"; for a handler without sizes, "tmpfs hello mapped". */
  readonly title: string
  /** "64MB"; the handler's name where it has no sizes. */
  readonly label: string
  readonly strategy: Strategy
}

/** A checkpoint with the cases that restore it: mounted, dumped and copied once for all of them. */
export interface SharedCheckpoint extends CheckpointOrigin {
  readonly cases: readonly BenchmarkCase[]
}

/** Cases that are measured in turn, round by round, so that their figures can be compared. */
export interface CaseGroup {
  readonly checkpoints: readonly SharedCheckpoint[]
  /** The cases of all its checkpoints. */
  readonly cases: readonly BenchmarkCase[]
}

export const groupOf = (checkpoints: readonly SharedCheckpoint[]): CaseGroup => ({
  checkpoints,
  cases: checkpoints.flatMap(({ cases }) => cases),
})
