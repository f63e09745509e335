import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { KB, type Bytes } from '../units.ts'
import { hierarchies } from '../cgroup/cgroups.ts'

/** Memory that can still be used: what the kernel calls available, or less where a cgroup of this process is limited. */
export async function availableMemory(): Promise<Bytes> {
  const info = await readFile('/proc/meminfo', 'utf8')
  const available = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(info)?.[1]) * KB
  return Math.min(available, ...(await cgroupRooms()))
}

/** The memory that each limited cgroup can still give, from this process's own up to the root. */
async function cgroupRooms(): Promise<Bytes[]> {
  const rooms: Bytes[] = []
  const own = await readFile('/proc/self/cgroup', 'utf8')
  for (const hierarchy of await hierarchies()) {
    for (const folder of foldersUpwards(own, hierarchy)) {
      const limit = await number(folder, 'memory.max', 'memory.limit_in_bytes')
      const used = await number(folder, 'memory.current', 'memory.usage_in_bytes')
      if (limit !== undefined && used !== undefined) rooms.push(limit - used + (await reclaimable(folder)))
    }
  }
  return rooms
}

/** File pages count as used, but the kernel takes them back when memory is needed. */
async function reclaimable(folder: string): Promise<Bytes> {
  const stat = await readFile(join(folder, 'memory.stat'), 'utf8').catch(() => '')
  // cgroup v1 has the figures of the cgroup alone, and with "total_" those of everything below it.
  const field = (name: string): Bytes =>
    Number(
      new RegExp(`^total_${name} (\\d+)$`, 'm').exec(stat)?.[1] ??
        new RegExp(`^${name} (\\d+)$`, 'm').exec(stat)?.[1] ??
        0,
    )
  return field('inactive_file') + field('active_file')
}

function foldersUpwards(own: string, hierarchy: string): string[] {
  const paths = own.split('\n').filter((line) => line.startsWith('0:') || line.split(':')[1] === 'memory')
  return paths.flatMap((line) => {
    const parts = line.split(':').slice(2).join(':').split('/').filter(Boolean)
    // The hierarchy's root as well: in a container, it is the container's own cgroup, with its limit.
    return [...parts.keys(), parts.length].map((up) => join(hierarchy, ...parts.slice(0, parts.length - up)))
  })
}

async function number(folder: string, ...names: string[]): Promise<number | undefined> {
  for (const name of names) {
    const text = await readFile(join(folder, name), 'utf8').catch(() => '')
    // cgroup v2 writes "max" where there is no limit.
    if (/^\d+\s*$/.test(text)) return Number(text)
  }
  return undefined
}
