import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { expectNothingLeft } from '../testing/leaks.ts'
import { cgroupPaths, hierarchies } from '../cgroup/cgroups.ts'
import { record, settle, sweep } from './ledger.ts'

const NAME = `vitest-criu-ledger-${process.pid}`

/** A process that owns a cgroup of every hierarchy, each with a cgroup and one process in it. */
async function owner() {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
  await once(child, 'spawn')
  const pid = child.pid ?? 0
  expect(await record(pid, NAME)).toBe(true)
  for (const hierarchy of await hierarchies())
    await mkdir(join(hierarchy, NAME, 'inner'), { recursive: true })
  const end = async (): Promise<void> => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  return { pid, end }
}

test('a sweep removes the cgroups of a killed owner, and keeps those of a living one', async () => {
  await expectNothingLeft(async () => {
    const { end } = await owner()
    expect(await sweep()).not.toContain(NAME)
    expect(await cgroupPaths(NAME)).toHaveLength((await hierarchies()).length)
    await end()
    expect(await sweep()).toContain(NAME)
    expect(await cgroupPaths(NAME)).toEqual([])
  })
})

test('a sweep kills the processes in the cgroups that it removes', async () => {
  await expectNothingLeft(async () => {
    const { end } = await owner()
    const [cgroup = ''] = await cgroupPaths(NAME)
    const lodger = spawn('sh', [
      '-c',
      'echo 0 > "$1/cgroup.procs" && echo in && exec sleep 1000',
      'sh',
      cgroup,
    ])
    const ended = once(lodger, 'exit')
    await once(lodger.stdout, 'data')
    await end()
    await sweep()
    expect(await ended).toEqual([null, 'SIGKILL'])
    expect(existsSync(cgroup)).toBe(false)
  })
})

test('an owner can settle for itself, more than once', async () => {
  await expectNothingLeft(async () => {
    const { pid, end } = await owner()
    await settle(pid)
    expect(await cgroupPaths(NAME)).toEqual([])
    await settle(pid)
    await end()
    expect(await sweep()).not.toContain(NAME)
  })
})

test('nothing is recorded for a process that has ended', async () => {
  const child = spawn('true', { stdio: 'ignore' })
  await once(child, 'exit')
  expect(await record(child.pid ?? 0, NAME)).toBe(false)
})
