import { mkdir, rmdir, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { hierarchies } from '../../cgroup/cgroups.ts'
import { CACHE, WORK } from '../../installation/paths.ts'
import { MB } from '../../units.ts'
import { temporaryFolder } from '../folders.ts'
import type { Family } from './family.ts'
import type { Setting } from './setting.ts'

/** Fills the filesystem of a folder until nothing fits any more. */
const fill = (folder: string): Promise<unknown> =>
  execa('dd', ['if=/dev/zero', `of=${join(folder, 'filler')}`, 'bs=1M'], { reject: false })

/** Fills what the run has mounted on a folder of its work folder. */
export const fullDisk =
  (folder: string) =>
  async (family: Family): Promise<void> => {
    await fill(`/proc/${await family.init()}/root${join(WORK, folder)}`)
  }

/** The reports go to a folder without room. */
export async function withFullReports(undo: AsyncDisposableStack): Promise<Setting> {
  const { path } = undo.use(await temporaryFolder())
  await execa('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'vitest-criu-full', path])
  undo.defer(async () => void (await execa('umount', [path])))
  await fill(path)
  return { environment: { VITEST_CRIU_OUTPUT: path } }
}

/** CRIU is in the cache, and there is no room to compile anything else. The mount is in a private mount namespace. */
export function withFullCache(): Setting {
  const script = `mkdir "$0.kept"; trap 'rm -rf "$0.kept"' EXIT
cp -a ${CACHE}/criu-* ${CACHE}/base-image-* "$0.kept"; mount -t tmpfs -o size=64m vitest-criu-full ${CACHE}
cp -a "$0.kept"/* ${CACHE}; rm -rf "$0.kept"; dd if=/dev/zero of=${CACHE}/filler bs=64k 2>/dev/null || true; exec "$@"`
  const kept = join('/dev/shm', `vitest-criu-cache-${process.pid}`)
  return { wrapper: ['unshare', '--mount', '--propagation', 'private', 'sh', '-ec', script, kept] }
}

/** Leaves a process the descriptors that it has, and no more. */
export async function limitFiles(pid: number): Promise<void> {
  await execa('prlimit', ['--pid', String(pid), '--nofile=20:20'])
}

/** What a limit is called, by the version of cgroups. */
const LIMITS = ['memory.max', 'memory.limit_in_bytes']

/** Limits the container's memory to less than the process has, as an engine around it would. */
export async function memoryLimit(family: Family): Promise<void> {
  const name = `vitest-criu-limit-${process.pid}`
  for (const hierarchy of await hierarchies()) {
    const cgroup = join(hierarchy, name)
    await mkdir(cgroup)
    const limit = LIMITS.map((file) => join(cgroup, file)).find((file) => existsSync(file))
    if (limit !== undefined) {
      await writeFile(limit, String(16 * MB))
      for (const pid of await family.container()) await writeFile(join(cgroup, 'cgroup.procs'), String(pid)).catch(() => {}) // prettier-ignore
      family.undo.defer(() => rmdir(cgroup))
      return
    }
    await rmdir(cgroup)
  }
  throw new Error('no hierarchy of cgroups limits memory here')
}

/** Starts the same command once more, and waits for its end. */
export async function secondRun(family: Family): Promise<void> {
  const { status, stdout, stderr } = await family.again()
  if (status !== 0) throw new Error(`the second run ended with ${status}: ${stderr || stdout}`)
}
