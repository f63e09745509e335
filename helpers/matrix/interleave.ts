import { filesystemRoom } from '../checkpoint/memory-requirements.ts'
import type { Bytes } from '../units.ts'
import { groupOf, type CaseGroup, type SharedCheckpoint } from './benchmark-case.ts'

/** The part of the memory that checkpoints of one group may take: a handler needs more at its dump. */
const SHARE = 0.5

/**
 * Groups neighbouring checkpoints of one filesystem, as many as `memory` holds. A cold checkpoint stays alone: dropping
 * its cache would cool the others.
 */
export function interleaved(checkpoints: readonly SharedCheckpoint[], memory: Bytes): CaseGroup[] {
  const groups: SharedCheckpoint[][] = []
  for (const checkpoint of checkpoints) {
    const last = groups.at(-1)
    if (last && fits(last, checkpoint, memory * SHARE)) last.push(checkpoint)
    else groups.push([checkpoint])
  }
  return groups.map(groupOf)
}

function fits(group: readonly SharedCheckpoint[], next: SharedCheckpoint, limit: Bytes): boolean {
  const all = [...group, next]
  const room = all.reduce((sum, { size }) => sum + filesystemRoom(size), 0)
  return room <= limit && all.every(({ cold, filesystem }) => !cold && filesystem === next.filesystem)
}
