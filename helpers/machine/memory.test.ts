import { existsSync } from 'node:fs'
import { mkdir, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hierarchies } from '../cgroup/cgroups.ts'
import { outcomeOf } from '../testing/commands.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { MB } from '../units.ts'

const LIMIT = 256 * MB

/** A new cgroup with a memory limit; undefined where this machine lets nobody make one. */
async function limitedCgroup(): Promise<string | undefined> {
  for (const hierarchy of await hierarchies()) {
    const folder = join(hierarchy, `vitest-criu-memory-${process.pid}`)
    await mkdir(folder)
    const limit = ['memory.max', 'memory.limit_in_bytes'].find((name) => existsSync(join(folder, name)))
    if (limit !== undefined) {
      await writeFile(join(folder, limit), String(LIMIT))
      return folder
    }
    await rmdir(folder)
  }
  return undefined
}

/** A program that prints the available memory. */
const PRINT = `console.log(await (await import(${JSON.stringify(join(import.meta.dirname, 'memory.ts'))})).availableMemory())`

test('the limit of the cgroup that is the root of a cgroup namespace counts, as in a container', async ({
  skip,
}) => {
  await expectNothingLeft(async () => {
    const cgroup = await limitedCgroup()
    if (cgroup === undefined) {
      skip('no memory controller here')
      return
    }
    const mount = existsSync(join(cgroup, 'memory.max')) ? '-t cgroup2' : '-t cgroup -o memory'
    const shell = `echo $$ > ${cgroup}/cgroup.procs
      exec unshare --cgroup --mount sh -ec 'mount ${mount} vitest-criu /sys/fs/cgroup; exec "$@"' sh "$@"`
    const argv = ['sh', '-ec', shell, 'sh', process.execPath, '--input-type=module', '-e', PRINT]
    const { stdout, stderr, status } = await outcomeOf(argv)
    await rmdir(cgroup)
    expect(status, stderr).toBe(0)
    expect(Number(stdout)).toBeLessThan(LIMIT)
  })
})

test('page cache that the kernel can reclaim counts as available', async ({ skip }) => {
  await expectNothingLeft(async () => {
    const cgroup = await limitedCgroup()
    if (cgroup === undefined) {
      skip('no memory controller here')
      return
    }
    // More file pages than the cgroup may hold: it is full of cache when the program starts.
    const shell = `file=$(mktemp /var/tmp/vitest-criu-XXXXXX); echo $$ > ${cgroup}/cgroup.procs
      dd if=/dev/zero of="$file" bs=1M count=300 conv=fsync status=none
      "$@"; rm "$file"`
    const argv = ['sh', '-ec', shell, 'sh', process.execPath, '--input-type=module', '-e', PRINT]
    const { stdout, stderr, status } = await outcomeOf(argv)
    await rmdir(cgroup)
    expect(status, stderr).toBe(0)
    // All but what Node itself takes.
    expect(Number(stdout)).toBeGreaterThan(LIMIT / 3)
    expect(Number(stdout)).toBeLessThan(LIMIT)
  })
})
