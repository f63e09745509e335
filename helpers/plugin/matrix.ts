import { inject } from 'vitest'
import { PHASES } from '../trial/phases.ts'
import { strategyNamed } from '../trial/strategies/index.ts'
import { formatSize, type Bytes } from '../units.ts'

/** One suite: a checkpoint of that size on that filesystem, restored in that way. */
export interface Cell {
  /** As in `-t`: "tmpfs 64MB mapped". */
  readonly title: string
  readonly filesystem: string
  /** Bytes. */
  readonly size: Bytes
  readonly strategy: string
  /** The function that is checkpointed. */
  readonly handler: string
}

/** What a suite measures: the dump, the phases of its body, and those of its strategy alone. */
export const phasesOf = ({ strategy }: Cell): string[] => [
  'dump',
  ...PHASES,
  ...(strategyNamed(strategy).phases ?? []),
]

/** Parts of the matrix; what is left out is as the options have it. */
export interface Axes {
  readonly filesystems?: readonly string[]
  readonly sizes?: readonly Bytes[]
  readonly strategies?: readonly string[]
  readonly handler?: string
}

/**
 * Every cell that the options ask for, by (filesystem, size) pairs: the cells of one pair share its set-up, and are
 * measured in turn, round by round.
 */
export function matrix(axes: Axes = {}): Cell[][] {
  const { filesystems, sizes, strategies, handler } = { ...inject('criu'), ...axes }
  return filesystems.flatMap((filesystem) =>
    sizes.map((size) =>
      strategies.map((strategy) => ({
        title: `${filesystem} ${formatSize(size)} ${strategy}`,
        filesystem,
        size,
        strategy,
        handler,
      })),
    ),
  )
}
