import { readdir, statfs } from 'node:fs/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { z } from 'zod'
import { cgroupPaths } from '../../cgroup/cgroups.ts'
import { hostPath } from '../../host/host.ts'
import { WORK } from '../../installation/paths.ts'
import { readMounts } from '../../mount/mounts.ts'
import type { Checkpoint } from '../../restore/restore-run.ts'
import { formatMegabytes } from '../../../reports/format.ts'
import { KB, MB } from '../../units.ts'

/** Something that a restore could use up. */
export interface Resource {
  readonly name: string
  /** The growth from the first look to the last that is no growth: caches that fill. */
  readonly allowed: number
  readonly format: (value: number) => string
  readonly measure: (checkpoint: Checkpoint) => number | Promise<number>
}

/** Memory that is only garbage does not count. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  z.custom<() => void>((value) => typeof value === 'function').parse(runInNewContext('gc'))()
}

const used = async (path: string): Promise<number> => {
  const { blocks, bfree, bsize } = await statfs(path)
  return (blocks - bfree) * bsize
}

const mb = (bytes: number): string => `${formatMegabytes(bytes)} MB`

export const RESOURCES: readonly Resource[] = [
  {
    name: 'descriptors of this process',
    allowed: 0,
    format: String,
    measure: async () => (await readdir('/proc/self/fd')).length,
  },
  {
    name: 'heap of this process',
    allowed: 4 * MB,
    format: mb,
    measure: () => {
      collectGarbage()
      return process.memoryUsage().heapUsed
    },
  },
  {
    name: 'memory of this process (RSS)',
    allowed: 64 * MB,
    format: mb,
    measure: () => process.memoryUsage.rss(),
  },
  {
    name: 'processes in the sandbox',
    allowed: 0,
    format: String,
    measure: async ({ host }) =>
      (await readdir(hostPath(host, '/proc'))).filter((name) => /^\d+$/.test(name)).length,
  },
  {
    name: 'mounts in the sandbox',
    allowed: 0,
    format: String,
    measure: async ({ host }) => (await readMounts(host)).length,
  },
  {
    name: 'cgroups',
    allowed: 0,
    format: String,
    measure: async ({ containerName }) => (await cgroupPaths(containerName)).length,
  },
  {
    name: 'disk: rootfs',
    allowed: 0,
    format: mb,
    measure: ({ host, rootfs }) => used(hostPath(host, rootfs.path)),
  },
  {
    name: 'disk: work folder',
    allowed: 64 * KB,
    format: mb,
    measure: ({ host }) => used(hostPath(host, WORK)),
  },
  { name: 'disk: /run', allowed: 64 * KB, format: mb, measure: ({ host }) => used(hostPath(host, '/run')) },
  { name: 'disk: /dev/shm', allowed: 0, format: mb, measure: ({ host }) => used(hostPath(host, '/dev/shm')) },
]

export const usageOf = (checkpoint: Checkpoint): Promise<number[]> =>
  Promise.all(RESOURCES.map(async ({ measure }) => measure(checkpoint)))
