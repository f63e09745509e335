import { readFile } from 'node:fs/promises'
import { hostPath, type Host } from '../host/host.ts'
import { KB, type Bytes } from '../units.ts'
import { treeOf } from './tree.ts'

/** What a dump of a process and its descendants stores. */
export interface DumpedMemory {
  readonly processes: number
  /** Pages that processes share since a fork count in each, because CRIU stores them for each. Shared memory counts once. */
  readonly bytes: Bytes
}

export async function dumpedMemory(pid: number, host: Host): Promise<DumpedMemory> {
  const tree = await treeOf(pid, host)
  const sizes = await Promise.all(
    tree.map(async (each) =>
      storedOf(await readFile(hostPath(host, `/proc/${each.pid}/smaps_rollup`), 'utf8').catch(() => '')),
    ),
  )
  return { processes: tree.length, bytes: sizes.reduce((sum, size) => sum + size, 0) }
}

/** The kernel divides shared memory, `Pss_Shmem`, among the processes that have it. */
const storedOf = (rollup: string): Bytes =>
  [...rollup.matchAll(/^(?:Anonymous|Swap|Pss_Shmem):\s+(\d+) kB$/gm)].reduce(
    (sum, [, size]) => sum + Number(size) * KB,
    0,
  )
