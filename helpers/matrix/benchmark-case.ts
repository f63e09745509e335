import type { NamedCriu } from '../criu/named.ts'
import type { Filesystem } from '../filesystems/index.ts'
import type { Handler } from '../handlers/definition.ts'
import type { Shape } from '../network/network.ts'
import type { Strategy } from '../strategies/index.ts'
import type { Bytes } from '../units.ts'

/** The host that restores, if it is not the one that dumps. */
export interface RestoreHost {
  /** "namespace", or "ssh://user@host:port". */
  readonly name: string
  /** The limits of its link. */
  readonly link: Shape
}

/** What determines a checkpoint: cases that agree in all of it share one. */
export interface CheckpointOrigin {
  readonly filesystem: Filesystem
  /** Bytes that the handler touches, or its own memory if it has no sizes. */
  readonly size: Bytes
  readonly handler: Handler
  /** One of several that are compared. Missing: that of the base image. */
  readonly criu?: NamedCriu
  /** Whether the page cache is dropped before each sample. */
  readonly cold: boolean
  /** Missing if the same host dumps and restores. */
  readonly restoreOn?: RestoreHost
}

/** One case: a checkpoint and the strategy that restores it. Each case is one suite. */
export interface BenchmarkCase extends CheckpointOrigin {
  /** The name for `-t`: "tmpfs 64MB mapped", or "tmpfs hello mapped" for a handler without sizes. */
  readonly title: string
  /** "64MB", or the handler's name if it has no sizes. */
  readonly label: string
  readonly strategy: Strategy
}

/** A checkpoint and the cases that restore it. It is mounted, dumped and copied once for all of them. */
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

/** The cases of a group that differ from a case in strategy and CRIU alone: what its thresholds can compare it with. */
export const comparableCases = ({ cases }: CaseGroup, benchmarkCase: BenchmarkCase): BenchmarkCase[] =>
  cases.filter((each) => SAME.every((part) => each[part] === benchmarkCase[part]))

const SAME = ['filesystem', 'size', 'handler', 'cold', 'restoreOn'] as const satisfies ReadonlyArray<
  keyof BenchmarkCase
>
