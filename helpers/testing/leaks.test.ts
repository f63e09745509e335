import { execa } from 'execa'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hierarchies } from '../cgroup/cgroups.ts'
import { localHost } from '../host/host.ts'
import { tmpfs } from '../filesystems/tmpfs.ts'
import { MB } from '../units.ts'
import { temporaryFolder } from './folders.ts'
import { expectNothingLeft } from './leaks.ts'
import { messageOf } from './messages.ts'

/** How an action that leaves something fails; 300 ms of patience, as what is left here never goes by itself. */
const leaving = (action: () => Promise<unknown>): Promise<string> =>
  messageOf(() => expectNothingLeft(action, 300))

describe('what a test leaves behind', () => {
  test('is nothing where it leaves nothing, and its result is returned', async () => {
    expect(await expectNothingLeft(async () => 5)).toBe(5)
  })

  test('is told for a mount', async () => {
    await using folder = await temporaryFolder()
    const mounting = new AsyncDisposableStack()
    const message = await leaving(async () => mounting.use(await tmpfs.mount(localHost, folder.path, MB)))
    await mounting.disposeAsync()
    expect(message).toContain(`mount vitest-criu ${folder.path} tmpfs`)
  })

  test('is told for a mount that is gone', async () => {
    await using folder = await temporaryFolder()
    const mounted = await tmpfs.mount(localHost, folder.path, MB)
    expect(await leaving(async () => mounted[Symbol.asyncDispose]())).toContain('lost: mount vitest-criu')
  })

  test('is told for a process, in a session of its own too', async () => {
    const { promise, resolve } = Promise.withResolvers<ReturnType<typeof spawn>>()
    const message = await leaving(async () => {
      const child = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' })
      await once(child, 'spawn')
      resolve(child)
    })
    const child = await promise
    child.kill('SIGKILL')
    expect(message).toContain(`process ${child.pid} sleep 1000`)
  })

  test('is told for a cgroup, in every hierarchy', async () => {
    for (const hierarchy of await hierarchies()) {
      const cgroup = join(hierarchy, `vitest-criu-left-${process.pid}`)
      const message = await leaving(() => mkdir(cgroup))
      await rmdir(cgroup)
      expect(message).toContain(`cgroup ${cgroup}`)
    }
  })

  test('is told for a network interface', async () => {
    const name = `left${process.pid}`
    const message = await leaving(() => execa('ip', ['link', 'add', name, 'type', 'veth']))
    await execa('ip', ['link', 'delete', name])
    expect(message).toContain(`network interface ${name}`)
  })

  test('is told for a network namespace that outlives its processes', async () => {
    await using folder = await temporaryFolder()
    const held = join(folder.path, 'net')
    await writeFile(held, '')
    const message = await leaving(() => execa('unshare', [`--net=${held}`, 'true']))
    await execa('umount', [held])
    expect(message).toContain(`mount nsfs ${held}`)
  })

  test('is told where the action fails, too', async () => {
    const message = await leaving(() => Promise.reject(new Error('failed by itself')))
    expect(message).toBe('failed by itself')
  })
})
