import { readFile, readlink } from 'node:fs/promises'
import { hostPath, type Host } from '../../host/host.ts'
import { readStat } from '../../proc/stat.ts'
import { orphansSince } from '../../proc/tree.ts'
import { FOLDER_VARIABLE } from '../handler.ts'
import type { Finding } from './finding.ts'
import type { Process } from './process.ts'

/** Bit of CAP_SYS_RESOURCE in capabilities(7). */
const SYS_RESOURCE = 24n

/** Whether CRIU can read the limits of another user's process. */
export async function canLimitOthers(): Promise<boolean> {
  const mask = /^CapEff:\t([0-9a-f]+)$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1] ?? '0'
  return ((BigInt(`0x${mask}`) >> SYS_RESOURCE) & 1n) === 1n
}

/** Processes that a dump would leave out, and roots that a restore would not find. */
export async function treeFindings(host: Host, tree: readonly Process[]): Promise<Finding[]> {
  const [first] = tree
  const stat = first && (await readStat(first.pid, host))
  const orphans = stat ? await orphansSince({ ...stat, pid: first.pid }, host, FOLDER_VARIABLE) : []
  const root = await readlink(hostPath(host, '/proc/1/root')).catch(() => '/')
  const others = (await canLimitOthers()) ? [] : tree.filter(({ ids }) => ids.some((id) => id !== 0))
  return [
    ...others.map(({ pid, name, ids }) => ({
      what: `process ${pid} (${name}): the user and group ids ${[...new Set(ids)].join(', ')}, and this machine lacks CAP_SYS_RESOURCE`,
      fix: 'run it as root, or give this machine the capability (docker run --cap-add SYS_RESOURCE): CRIU needs it to read the limits of another user’s process',
    })),
    ...orphans.map(({ pid, name }) => ({
      what: `process ${pid} (${name}), which has left the process tree`,
      fix: 'let it stay a child of the process that started it: do not start it as a daemon, or by a parent that ends',
      passes: true as const,
    })),
    ...tree
      .filter((process) => process.root !== root)
      .map((process) => ({
        what: `process ${process.pid} (${process.name}): its root directory is ${process.root}`,
        fix: 'start it without chroot: a container gives it a root directory of its own',
      })),
  ]
}
