import { execa } from 'execa'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { hierarchies } from '../cgroup/cgroups.ts'
import { localHost } from '../host/host.ts'
import { tmpfs } from '../filesystems/tmpfs.ts'
import { CACHE } from '../installation/paths.ts'
import { HANDLER_FOLDER, handlerNamed, runFolderOf } from '../handlers/handler.ts'
import { startHandler, type WaitingHandler } from '../handlers/start.ts'
import { MB } from '../units.ts'
import { temporaryFolder } from './folders.ts'
import { expectNothingLeft } from './leaks.ts'
import { messageOf } from './messages.ts'

/** How an action that leaves something fails; 300 ms of patience, as what is left here never goes by itself. */
const leaving = (action: () => Promise<unknown>): Promise<string> =>
  messageOf(() => expectNothingLeft(action, { patience: 300 }))

/** A process that executes another program when it is told to. */
const waiting = () => spawn('sh', ['-c', 'read _; exec sleep 1000'], { stdio: ['pipe', 'ignore', 'ignore'] })

async function execute({ pid, stdin }: ReturnType<typeof waiting>): Promise<void> {
  stdin.end('\n')
  await vi.waitFor(async () => expect(await readFile(`/proc/${pid}/comm`, 'utf8')).toBe('sleep\n'))
}

describe('what a test leaves behind', () => {
  test('is nothing when it leaves nothing, and its result is returned', async () => {
    expect(await expectNothingLeft(async () => 5)).toBe(5)
  })

  test('is reported for a mount', async () => {
    await using folder = await temporaryFolder()
    const mounting = new AsyncDisposableStack()
    const message = await leaving(async () => mounting.use(await tmpfs.mount(localHost, folder.path, MB)))
    await mounting.disposeAsync()
    expect(message).toContain(`mount vitest-criu ${folder.path} tmpfs`)
  })

  test('is reported for a mount that has disappeared', async () => {
    await using folder = await temporaryFolder()
    const mounted = await tmpfs.mount(localHost, folder.path, MB)
    expect(await leaving(async () => mounted[Symbol.asyncDispose]())).toContain('lost: mount vitest-criu')
  })

  test('is reported for a process, even in a session of its own', async () => {
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

  test('is no process that was there before, and has executed another program since', async () => {
    const child = waiting()
    await once(child, 'spawn')
    try {
      expect(await expectNothingLeft(() => execute(child), { patience: 300 })).toBeUndefined()
    } finally {
      child.kill()
    }
  })

  test('is reported for a process that executes another program while its end is awaited', async () => {
    const { promise, resolve } = Promise.withResolvers<ReturnType<typeof waiting>>()
    const message = messageOf(() => expectNothingLeft(async () => resolve(waiting()), { patience: 1000 }))
    const child = await promise
    await delay(300)
    await execute(child)
    expect(await message).toContain(`process ${child.pid} `)
    child.kill()
  })

  test('is reported for a handler on this machine, whose environment has nothing of this test', async () => {
    const { promise, resolve } = Promise.withResolvers<WaitingHandler>()
    const message = await leaving(async () =>
      resolve(await startHandler(localHost, handlerNamed('native'), MB)),
    )
    const handler = await promise
    await handler[Symbol.asyncDispose]()
    await rm(HANDLER_FOLDER, { recursive: true })
    await rm(runFolderOf(HANDLER_FOLDER), { recursive: true })
    expect(message).toContain(`process ${handler.pid} `)
  })

  test('is reported for a cgroup, in every hierarchy', async () => {
    for (const hierarchy of await hierarchies()) {
      const cgroup = join(hierarchy, `vitest-criu-left-${process.pid}`)
      const message = await leaving(() => mkdir(cgroup))
      await rmdir(cgroup)
      expect(message).toContain(`cgroup ${cgroup}`)
    }
  })

  test('is reported for a network interface', async () => {
    const name = `vcriu${process.pid}`
    const message = await leaving(() => execa('ip', ['link', 'add', name, 'type', 'veth']))
    await execa('ip', ['link', 'delete', name])
    expect(message).toContain(`network interface ${name}`)
  })

  test('is reported for a network namespace that outlives its processes', async () => {
    await using folder = await temporaryFolder()
    const held = join(folder.path, 'net')
    await writeFile(held, '')
    const message = await leaving(() => execa('unshare', [`--net=${held}`, 'true']))
    await execa('umount', [held])
    expect(message).toContain(`mount nsfs ${held}`)
  })

  test('is reported for a loop device that is mounted nowhere', async () => {
    await using folder = await temporaryFolder()
    const image = join(folder.path, 'vitest-criu-image')
    await writeFile(image, Buffer.alloc(MB))
    const device = Promise.withResolvers<string>()
    const message = await leaving(async () =>
      device.resolve((await execa('losetup', ['--find', '--show', image])).stdout),
    )
    await execa('losetup', ['--detach', await device.promise])
    expect(message).toContain(`loop device ${await device.promise} on ${image}`)
  })

  test.each([tmpdir(), '/var/tmp', '/dev/shm'])('is reported for a file in %s', async (folder) => {
    const file = join(folder, 'vitest-criu-left')
    const message = await leaving(() => writeFile(file, ''))
    await rm(file)
    expect(message).toContain(`file ${file}`)
  })

  test('is reported for a draft in the cache', async () => {
    const file = join(CACHE, `left.draft-${process.pid}`)
    const message = await leaving(() => writeFile(file, ''))
    await rm(file)
    expect(message).toContain(`file ${file}`)
  })

  test('is reported when the action fails as well', async () => {
    const message = await leaving(() => Promise.reject(new Error('failed by itself')))
    expect(message).toBe('failed by itself')
  })
})

/** A folder of somebody else's, such as a container engine's, or another run's of these tests. */
async function foreignFolder(prefix: string): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), prefix))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

/** What somebody else makes meanwhile; what it returns is removed afterwards. */
type Make = (undo: AsyncDisposableStack) => Promise<unknown>

const mountOn =
  (prefix: string, source: string): Make =>
  async (undo) => {
    const { path } = undo.use(await foreignFolder(prefix))
    await execa('mount', ['-t', 'tmpfs', source, path])
    undo.defer(async () => void (await execa('umount', [path])))
  }

const cgroupsOf =
  (name: string, script?: string): Make =>
  async (undo) => {
    for (const hierarchy of await hierarchies()) {
      const cgroup = join(hierarchy, `${name}-${process.pid}`)
      await mkdir(cgroup)
      undo.defer(() => rmdir(cgroup))
      if (script === undefined) continue
      // Not started by this test, as far as its environment tells.
      const member = spawn('sh', ['-ec', script, 'sh', cgroup], { env: { PATH: '/usr/bin:/bin' } })
      const ended = once(member, 'exit')
      undo.defer(async () => {
        member.kill('SIGKILL')
        await ended
      })
      await Promise.race([once(member.stdout, 'data'), ended])
    }
  }

/** A cpuset of version 1 takes no process before it has processors and memory. */
const ENTER = `
for file in cpuset.cpus cpuset.mems; do [ ! -e "$1/$file" ] || cat "$1/../$file" > "$1/$file"; done
echo 0 > "$1/cgroup.procs"; echo in; exec sleep 1000`

describe('what others make in the meantime is not reported:', () => {
  test.each<[string, Make]>([
    ['a mount', mountOn('overlay-', 'none')],
    ["a mount of another run's of these tests", mountOn(`vitest-criu-test-${process.ppid}-`, 'vitest-criu')],
    ['an empty cgroup', cgroupsOf('libpod')],
    ['a cgroup with a process', cgroupsOf('libpod', ENTER)],
    [
      "a file in /tmp of another run's of these tests",
      async (undo) => void undo.use(await foreignFolder(`vitest-criu-other-${process.ppid}-`)),
    ],
    [
      'a file in /dev/shm',
      async (undo) => {
        const file = `/dev/shm/libpod_lock_${process.pid}`
        await writeFile(file, '')
        undo.defer(() => rm(file))
      },
    ],
    [
      'a network interface',
      async (undo) => {
        const name = `cni${process.pid}`
        await execa('ip', ['link', 'add', name, 'type', 'veth'])
        undo.defer(async () => void (await execa('ip', ['link', 'delete', name])))
      },
    ],
  ])('%s', async (_, make) => {
    await using undo = new AsyncDisposableStack()
    expect(await leaving(async () => void (await make(undo)))).toBe('no error, but undefined')
  })

  test('an unmount', async () => {
    const undo = new AsyncDisposableStack()
    await mountOn('overlay-', 'none')(undo)
    expect(await leaving(() => undo.disposeAsync())).toBe('no error, but undefined')
  })
})
