import { inject } from 'vitest'
import { hasCold, isShared } from '../filesystems/index.ts'
import type { Handler } from '../handlers/definition.ts'
import { handlerNamed, reportsItself } from '../handlers/handler.ts'
import type { Shape } from '../network/network.ts'
import { phasesFor } from '../../reports/timeline.ts'
import { filesystemRoom } from '../checkpoint/memory-requirements.ts'
import { strategyNamed } from '../strategies/index.ts'
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
  /** The host that restores, "namespace" or "ssh://user@host:port"; the one that dumps when left out. */
  readonly restoreOn?: string
  /** What that host's link is held down to. */
  readonly link?: Shape
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
  readonly restoreOn?: string
}

/**
 * Every cell that the options ask for, by (filesystem, size) pairs: the cells of one pair share its set-up, and are
 * measured in turn, round by round. Cold ones are pairs of their own: on one mount they would cool the warm ones. With
 * the option `interleave` pairs are put together as far as memory holds them all.
 */
export function matrix(axes: Axes = {}): Cell[][] {
  const pairs = pairsOf(axes)
  const { interleave, rootfs } = inject('criu')
  // The user's folder holds one pair.
  return interleave && rootfs === undefined ? together(pairs, inject('criuMemory')) : pairs
}

/** Part of the memory that pairs measured together may take: a handler at its dump needs room besides. */
const SHARE = 0.5

/** Pairs next to each other on the same filesystem, as many as `memory` bytes hold; cold ones stay by themselves. */
export function together(pairs: readonly Cell[][], memory: Bytes): Cell[][] {
  const groups: Array<{ cells: Cell[]; room: Bytes }> = []
  for (const pair of pairs) {
    const [first] = pair
    const last = groups.at(-1)
    if (!first) continue
    const room = filesystemRoom(first.size)
    const fits =
      last?.cells[0]?.filesystem === first.filesystem &&
      !first.cold &&
      !last.cells[0].cold &&
      last.room + room <= memory * SHARE
    if (fits) {
      last.cells.push(...pair)
      last.room += room
    } else groups.push({ cells: [...pair], room })
  }
  return groups.map(({ cells }) => cells)
}

function pairsOf(axes: Axes): Cell[][] {
  const { filesystems, sizes, strategies, cold, restoreOn, link, ...of } = { ...inject('criu'), ...axes }
  const { name: handler, memory } = typeof of.handler === 'string' ? handlerNamed(of.handler) : of.handler
  return filesystems.flatMap((filesystem) =>
    (memory === undefined ? sizes : [memory]).flatMap((size) =>
      (cold && hasCold(filesystem) ? [false, true] : [false]).map((isCold) =>
        strategies.map((strategy) =>
          titled(memory === undefined ? formatSize(size) : handler, {
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

/** `what` is restored: a size, or a handler without sizes. */
function titled(what: string, cell: Omit<Cell, 'title'>): Cell {
  const { filesystem, strategy, cold, restoreOn, link = {} } = cell
  const elsewhere = restoreOn === undefined ? [] : ['on', restoreOn, ...wordsOf(link)]
  const title = [filesystem, what, strategy, ...(cold ? ['cold'] : []), ...elsewhere].join(' ')
  return { title, ...cell }
}

/** "delay 1ms 100mbit"; nothing for a link that is left as it is. */
const wordsOf = ({ delay, bandwidth }: Shape): string[] => [
  ...(delay === undefined ? [] : ['delay', delay]),
  ...(bandwidth === undefined ? [] : [bandwidth]),
]
