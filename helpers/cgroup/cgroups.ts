import { existsSync } from 'node:fs'
import { readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CriuBenchError } from '../errors.ts'
import { isCgroupName } from '../config/names.ts'
import { localHost, type Host } from '../host/host.ts'
import { readMounts } from '../mount/mounts.ts'
import { holdsWithin } from '../process/wait.ts'

/** Mount points of every cgroup hierarchy of this machine: one with v2, several with v1, both kinds when hybrid. */
export async function hierarchies(): Promise<string[]> {
  const mounts = await readMounts()
  return mounts.filter(({ type }) => type === 'cgroup' || type === 'cgroup2').map(({ point }) => point)
}

/** The cgroup version of a host; "hybrid" means v1 controllers beside a v2 hierarchy. */
export async function cgroupVersion(host: Host = localHost): Promise<'v2' | 'v1' | 'hybrid' | 'none'> {
  const types = new Set((await readMounts(host)).map(({ type }) => type))
  if (types.has('cgroup')) return types.has('cgroup2') ? 'hybrid' : 'v1'
  return types.has('cgroup2') ? 'v2' : 'none'
}

/**
 * The paths at which a cgroup of that name exists now, over all hierarchies. Throws for what is not a name: callers kill
 * what is in these cgroups.
 */
export async function cgroupPaths(name: string): Promise<string[]> {
  if (!isCgroupName(name)) throw new Error(`"${name}" is not a name of one cgroup`)
  return (await hierarchies()).map((hierarchy) => join(hierarchy, name)).filter((path) => existsSync(path))
}

/** Throws CriuBenchError for a container name that cannot be, or already is, the name of a cgroup. */
export async function checkContainerName(name: string): Promise<void> {
  const failed = `cannot use "${name}" as the name of a container`
  const fix = 'export CONTAINER_NAME=my_container'
  if (!isCgroupName(name)) {
    throw new CriuBenchError({
      failed,
      found: name === '' ? 'an empty name' : `"${name}"`,
      expected: 'up to 200 characters, no slash, no "-" in front, neither "." nor ".."',
      fix,
    })
  }
  const [taken] = await cgroupPaths(name)
  if (taken !== undefined) {
    throw new CriuBenchError({
      failed,
      found: `a cgroup of that name in use, at ${taken}`,
      expected: 'a name that no cgroup has',
      fix: `choose another CONTAINER_NAME, or remove that cgroup: rmdir ${taken}`,
    })
  }
}

/** Milliseconds that killed members of a cgroup have to be gone. */
const GONE_LIMIT = 2000
const GONE_INTERVAL = 20

/**
 * Ends what still runs in the cgroups of that name and removes them. Returns whether they are gone: one with a member
 * that cannot be killed stays.
 */
export async function removeCgroup(name: string): Promise<boolean> {
  // All hierarchies at once: a member that does not end keeps every one of them, and the next run waits for this.
  const areGone = await Promise.all(
    (await cgroupPaths(name)).map((path) => {
      const isGone = async (): Promise<boolean> => {
        await killMembers(path)
        return tryRemove(path)
      }
      return holdsWithin(isGone, { limit: GONE_LIMIT, interval: GONE_INTERVAL })
    }),
  )
  return areGone.every(Boolean)
}

async function tryRemove(path: string): Promise<boolean> {
  try {
    for (const child of await readdir(path, { withFileTypes: true })) {
      if (child.isDirectory()) await tryRemove(join(path, child.name))
    }
    await rmdir(path)
    return true
  } catch {
    return !existsSync(path)
  }
}

async function killMembers(path: string): Promise<void> {
  const members = await readFile(join(path, 'cgroup.procs'), 'utf8').catch(() => '')
  if (members === '') return
  await writeFile(join(path, 'cgroup.kill'), '1').catch(() => undefined)
  for (const pid of members.trim().split('\n').map(Number)) {
    // The kernel lists processes of other PID namespaces as pid 0.
    if (pid > 0) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // The process has ended in the meantime.
      }
    }
  }
}

/** A shell command for another machine: removes the empty cgroup $cgroup of each hierarchy, and no other. */
export const REMOVE_CGROUP =
  'for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do [ ! -d "$hierarchy/$cgroup" ] || rmdir "$hierarchy/$cgroup"; done'
