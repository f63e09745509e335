import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readFile, readlink, rm, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LEDGERS } from '../installation/paths.ts'
import { outcomeOf, PROJECT } from '../testing/commands.ts'
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
    expect((await sweep()).removed).not.toContain(NAME)
    expect(await cgroupPaths(NAME)).toHaveLength((await hierarchies()).length)
    await end()
    expect((await sweep()).removed).toContain(NAME)
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

test('a foreign cgroup whose name begins with an owned one stays, with its processes', async () => {
  const [hierarchy = ''] = await hierarchies()
  const victim = join(hierarchy, `${NAME}.victim`)
  await mkdir(victim)
  const lodger = spawn('sleep', ['1000'], { stdio: 'ignore' })
  await once(lodger, 'spawn')
  await writeFile(join(victim, 'cgroup.procs'), String(lodger.pid))
  const { end } = await owner()
  await end()
  expect((await sweep()).removed).toEqual([NAME])
  expect(lodger.exitCode ?? lodger.signalCode).toBeNull()
  expect(existsSync(victim)).toBe(true)
  lodger.kill('SIGKILL')
  await once(lodger, 'exit')
  await rmdir(victim)
})

test('an entry that cannot be read is set aside, and the others are swept', async () => {
  const file = join(LEDGERS, `${NAME}.json`)
  await mkdir(LEDGERS, { recursive: true })
  await writeFile(file, '{"owner":')
  const { end } = await owner()
  await end()
  const { removed, setAside } = await sweep()
  expect(removed).toEqual([NAME])
  expect(setAside).toEqual([`${file}.unreadable`])
  expect(await readFile(`${file}.unreadable`, 'utf8')).toBe('{"owner":')
  expect((await sweep()).setAside).toEqual([])
  await rm(`${file}.unreadable`)
})

test('an entry of another PID namespace stays: its pid says nothing here', async () => {
  await expectNothingLeft(async () => {
    const script = `await import(${JSON.stringify(join(PROJECT, 'helpers/disposal.ts'))})
      const { record } = await import(${JSON.stringify(join(PROJECT, 'helpers/sandbox/ledger.ts'))})
      console.log(process.pid, await record(process.pid, ${JSON.stringify(NAME)}))`
    const argv = ['unshare', '--pid', '--fork', '--mount-proc', process.execPath, '--input-type=module', '-e', script] // prettier-ignore
    const { stdout, stderr } = await outcomeOf(argv)
    const [pid, recorded] = stdout.trim().split(' ')
    expect(recorded, stderr).toBe('true')
    const { removed, kept } = await sweep()
    const file = join(LEDGERS, `${pid}.json`)
    expect(removed).not.toContain(NAME)
    expect(kept).toContainEqual({ file, why: 'its owner runs in another PID namespace' })
    await rm(file)
  })
})

test('a dry run tells what a sweep would do, and does nothing', async () => {
  await expectNothingLeft(async () => {
    const { end } = await owner()
    await end()
    expect((await sweep({ dryRun: true })).removed).toEqual([NAME])
    expect(await cgroupPaths(NAME)).not.toEqual([])
    expect((await sweep()).removed).toEqual([NAME])
  })
})

// Such a name is a path to the hierarchy itself, or to a foreign cgroup: every process in it would be killed. Only a dry run
// is safe where the check is missing.
test.each(['', '.', '..', '/', 'a/b', '../user.slice'])(
  'an entry with the cgroup name "%s" is set aside, and no entry is written with it',
  async (cgroup) => {
    await expectNothingLeft(async () => {
      const file = join(LEDGERS, `${NAME}.json`)
      await mkdir(LEDGERS, { recursive: true })
      const dead = { pid: 2 ** 22 + 1, startTime: '1', namespace: await readlink('/proc/self/ns/pid') }
      await writeFile(file, JSON.stringify({ owner: dead, cgroup }))
      const { removed, setAside } = await sweep({ dryRun: true })
      await rm(file)
      expect(removed).not.toContain(cgroup)
      expect(setAside).toContain(`${file}.unreadable`)
      await expect(record(process.pid, cgroup)).rejects.toThrow('a name of one cgroup')
      await expect(cgroupPaths(cgroup)).rejects.toThrow('a name of one cgroup')
    })
  },
)

test('an owner can settle for itself, more than once', async () => {
  await expectNothingLeft(async () => {
    const { pid, end } = await owner()
    await settle(pid)
    expect(await cgroupPaths(NAME)).toEqual([])
    await settle(pid)
    await end()
    expect((await sweep()).removed).not.toContain(NAME)
  })
})

test('nothing is recorded for a process that has ended', async () => {
  const child = spawn('true', { stdio: 'ignore' })
  await once(child, 'exit')
  expect(await record(child.pid ?? 0, NAME)).toBe(false)
})
