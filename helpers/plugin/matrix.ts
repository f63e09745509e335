import { inject } from 'vitest'
import { hasCold, isShared } from '../filesystems/index.ts'
import type { Shape } from '../system/network.ts'
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
  /** Its files are taken out of the cache before each run; warm when left out. */
  readonly cold?: true
  /** The host that restores, "namespace" or "ssh://user@host:port"; the one that dumps when left out. */
  readonly restoreOn?: string
  /** What that host's link is held down to. */
  readonly link?: Shape
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
  /** Cold cells besides the warm ones, of the filesystems that have such a state. */
  readonly cold?: boolean
  readonly restoreOn?: string
}

/**
 * Every cell that the options ask for, by (filesystem, size) pairs: the cells of one pair share its set-up, and are
 * measured in turn, round by round. Cold ones are pairs of their own: on one mount they would cool the warm ones.
 */
export function matrix(axes: Axes = {}): Cell[][] {
  const { filesystems, sizes, strategies, handler, cold, restoreOn, link } = { ...inject('criu'), ...axes }
  return filesystems.flatMap((filesystem) =>
    sizes.flatMap((size) =>
      (cold && hasCold(filesystem) ? [false, true] : [false]).map((isCold) =>
        strategies.map((strategy) =>
          titled({
            filesystem,
            size,
            strategy,
            handler,
            ...(isCold && { cold: true as const }),
            // What no other host can mount is measured on one.
            ...(restoreOn !== undefined && isShared(filesystem) && { restoreOn, link }),
          }),
        ),
      ),
    ),
  )
}

function titled(cell: Omit<Cell, 'title'>): Cell {
  const { filesystem, size, strategy, cold, restoreOn, link = {} } = cell
  const elsewhere = restoreOn === undefined ? [] : ['on', restoreOn, ...wordsOf(link)]
  const title = [filesystem, formatSize(size), strategy, ...(cold ? ['cold'] : []), ...elsewhere].join(' ')
  return { title, ...cell }
}

/** "delay 1ms 100mbit"; nothing for a link that is left as it is. */
const wordsOf = ({ delay, bandwidth }: Shape): string[] => [
  ...(delay === undefined ? [] : ['delay', delay]),
  ...(bandwidth === undefined ? [] : [bandwidth]),
]
