import { inject } from 'vitest'
import { hasCold } from '../filesystems/index.ts'
import type { Handler } from '../handlers/definition.ts'
import { handlerNamed, reportsItself } from '../handlers/handler.ts'
import { phasesFor } from '../trial/phases.ts'
import { strategyNamed } from '../trial/strategies/index.ts'
import { formatSize, type Bytes } from '../units.ts'

/** One suite: a checkpoint of that size on that filesystem, restored in that way. */
export interface Cell {
  /** As in `-t`: "tmpfs 64MB mapped"; of a handler that has no sizes, "tmpfs hello mapped". */
  readonly title: string
  readonly filesystem: string
  /** Bytes; those that the handler says it has, where it has no sizes. */
  readonly size: Bytes
  readonly strategy: string
  /** The function that is checkpointed. */
  readonly handler: string
  /** Its files are taken out of the cache before each run; warm when left out. */
  readonly cold?: true
}

/** What a suite measures: the dump, the phases of its body, and those of its strategy alone. */
export function phasesOf({ strategy, handler: name }: Cell): string[] {
  const { phases = [], fromScratch = false } = strategyNamed(strategy)
  const handler = handlerNamed(name)
  // Those of a strategy count from the handler's start, which an observed one does not tell.
  const more = reportsItself(handler) ? phases : []
  return [...(fromScratch ? [] : ['dump']), ...phasesFor(handler, fromScratch), ...more]
}

/** Parts of the matrix; what is left out is as the options have it. */
export interface Axes {
  readonly filesystems?: readonly string[]
  readonly sizes?: readonly Bytes[]
  readonly strategies?: readonly string[]
  /** The function that is checkpointed, or the name of one of ours. */
  readonly handler?: Handler | string
  /** Cold cells besides the warm ones, of the filesystems that have such a state. */
  readonly cold?: boolean
}

/**
 * Every cell that the options ask for, by (filesystem, size) pairs: the cells of one pair share its set-up, and are
 * measured in turn, round by round. Cold ones are pairs of their own: on one mount they would cool the warm ones.
 */
export function matrix(axes: Axes = {}): Cell[][] {
  const { filesystems, sizes, strategies, cold, ...of } = { ...inject('criu'), ...axes }
  const { name: handler, memory } = typeof of.handler === 'string' ? handlerNamed(of.handler) : of.handler
  return filesystems.flatMap((filesystem) =>
    (memory === undefined ? sizes : [memory]).flatMap((size) =>
      (cold && hasCold(filesystem) ? [false, true] : [false]).map((isCold) =>
        strategies.map((strategy) => ({
          title: `${filesystem} ${memory === undefined ? formatSize(size) : handler} ${strategy}${isCold ? ' cold' : ''}`,
          filesystem,
          size,
          strategy,
          handler,
          ...(isCold && { cold: true as const }),
        })),
      ),
    ),
  )
}
