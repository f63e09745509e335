import { filesystemRoom } from '../checkpoint/memory-requirements.ts'
import type { Bytes } from '../units.ts'
import { groupOf, type CaseGroup, type SharedCheckpoint } from './benchmark-case.ts'

/** The share of the memory that the checkpoints of a group may fill. The rest is for the handler, while it is dumped. */
const SHARE = 0.5

/**
 * Groups consecutive checkpoints of one filesystem, as many as fit into `memory`. A cold checkpoint stays alone, because
 * dropping its cache would also drop that of the others.
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
