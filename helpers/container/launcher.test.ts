import { mkdir, readFile, readlink, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { cgroupPaths, hierarchies } from '../cgroup/cgroups.ts'
import { run } from '../process/process.ts'
import { openSandbox } from '../sandbox/sandbox.ts'
import { CONTAINER } from '../testing/checkpoints.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { messageOf, steady } from '../testing/messages.ts'
import { MB } from '../units.ts'
import { launch, type LaunchReport, type LaunchRequest } from './launcher.ts'

/** Runs a command, in a sandbox, in a container whose root is the machine's root. */
const inContainer = (command: string[], more: Partial<LaunchRequest> = {}): Promise<LaunchReport> =>
  expectNothingLeft(async () => {
    await using sandbox = await openSandbox(CONTAINER)
    return await launch(sandbox, { name: CONTAINER, rootfs: '/', command, timeout: 20_000, ...more })
  })

const shell = (script: string, more: Partial<LaunchRequest> = {}): Promise<LaunchReport> =>
  inContainer(['/bin/sh', '-c', script], more)

/** The lines that the command printed, without those of the launcher. */
const printed = ({ stdout }: LaunchReport): string[] =>
  stdout.split('\n').filter((line) => line !== '' && !/lean container|before criu restore/.test(line))

const NETWORK = 'readlink /proc/self/ns/net'
/** A Python program that fails if the loopback is down. */
const CONNECT = `import socket
server = socket.create_server(('127.0.0.1', 0))
socket.create_connection(server.getsockname())
print('up')`

describe('a lean container', () => {
  test.each([
    ['the status of its command', 'exit 7', 7],
    ['the status of its command, even if that is the status of a launcher that failed', 'exit 125', 125],
    ['128 + the signal that ended its command', 'kill -KILL $$', 137],
  ])('ends with %s', async (_, script, status) => {
    expect((await shell(script)).status).toBe(status)
  })

  test('takes its time points in order', async () => {
    const report = await shell('true')
    const points = [
      report.containerStarted,
      report.namespacesStarted,
      report.mountsStarted,
      report.mountsEnded,
      report.restoreStarted,
      report.commandExecuted ?? 0n,
      report.containerGone,
    ]
    expect(points).toEqual(points.toSorted((one, other) => (one < other ? -1 : 1)))
    expect(new Set(points).size).toBe(points.length)
  })

  test('has its own pids, host name, /dev and /run, and only the descriptors 0 to 2', async () => {
    const report = await shell(
      'echo $$; hostname; ls /dev | tr "\\n" " "; echo; stat --file-system --format %T /run; ls /proc/self/fd | wc -l',
    )
    // `ls` has a fourth descriptor, for the folder that it lists.
    const dev = 'fd full null random shm stderr stdin stdout tty urandom zero '
    expect(printed(report)).toEqual(['2', CONTAINER, dev, 'tmpfs', '4'])
  })

  test('ends with its command, and kills the processes that the command left', async () => {
    await expectNothingLeft(async () => {
      await using sandbox = await openSandbox(CONTAINER)
      const left = ['pgrep', '-f', '^sleep 4321$']
      const find = {
        argv: left,
        failed: 'cannot look for the process',
        fix: 'install procps',
        timeout: 5000,
        accept: [0, 1],
      }
      const command = ['/bin/sh', '-c', 'sleep 4321 & sleep 1']
      const running = launch(sandbox, { name: CONTAINER, rootfs: '/', command, timeout: 20_000 })
      while ((await run(sandbox, find)).exitCode !== 0) await delay(5)
      await running
      expect((await run(sandbox, find)).exitCode).toBe(1)
    })
  })

  test('sees a bound folder of the host', async () => {
    expect(printed(await shell('ls /media | head -n 1', { binds: [['/proc/sys', '/media']] }))).not.toEqual(
      [],
    )
  })

  test('cannot write to a folder that is bound read-only', async () => {
    const readOnly = [['/run', '/media']] as const
    expect(printed(await shell('touch /media/x || mkdir /media/y || echo refused', { readOnly }))).toEqual([
      'refused',
    ])
    expect((await shell('touch /media/x', { binds: readOnly })).status).toBe(0)
  })

  test("has the host's network, or its own with the loopback up", async () => {
    const [own, up] = printed(await shell(`${NETWORK}; python3 -c "${CONNECT}"`, { network: true }))
    expect(own).not.toBe(await readlink('/proc/self/ns/net'))
    expect(up).toBe('up')
    expect(printed(await shell(NETWORK))).toEqual([await readlink('/proc/self/ns/net')])
  })

  test('passes environment variables to its command, in addition to PATH and LANG', async () => {
    const report = await shell('echo "$COLOUR $LANG"', { env: { COLOUR: 'blue' } })
    expect(printed(report)).toEqual(['blue C.UTF-8'])
  })

  test('has the memory limit that it is given', async () => {
    await expectNothingLeft(async () => {
      await using sandbox = await openSandbox(CONTAINER)
      const command = ['/bin/sleep', '2']
      const running = launch(sandbox, {
        name: CONTAINER,
        rootfs: '/',
        command,
        timeout: 20_000,
        memoryLimit: 64 * MB,
      })
      expect(await limitOf(CONTAINER)).toBe(64 * MB)
      await running
    })
  })
})

describe('the launcher refuses', () => {
  test('a name that another cgroup has, and leaves that cgroup in place', async () => {
    await expectNothingLeft(async () => {
      const name = `taken-${CONTAINER}`
      const folders = (await hierarchies()).map((hierarchy) => join(hierarchy, name))
      for (const folder of folders) await mkdir(folder)
      try {
        await using sandbox = await openSandbox(CONTAINER)
        const request = { name, rootfs: '/', command: ['/bin/true'], timeout: 20_000 }
        const message = await messageOf(() => launch(sandbox, request))
        expect(steady(message, [name, 'NAME'], [/\/sys\S*\/NAME/g, 'CGROUP'])).toMatchInlineSnapshot(`
          "cannot run /bin/true in the lean container "NAME" on /
            found:    create: CGROUP: cgroup NAME in use
            expected: a container that starts
            fix:      run \`npm run doctor\`: it checks what a container needs
            log:      lean-container: cannot create CGROUP: cgroup NAME in use"
        `)
        expect(await cgroupPaths(name)).toEqual(folders)
      } finally {
        for (const folder of folders) await rmdir(folder)
      }
    })
  })

  test('a command that does not exist', async () => {
    const message = await messageOf(() => inContainer(['/no/such/command']))
    expect(steady(message, [CONTAINER, 'NAME'], [/(.*before|.*this is).*\n/g, ''])).toMatchInlineSnapshot(`
      "cannot run /no/such/command in the lean container "NAME" on /
        found:    execute: /no/such/command: No such file or directory
        expected: a container that starts
        fix:      run \`npm run doctor\`: it checks what a container needs
        log:      lean-container: cannot execute /no/such/command: No such file or directory"
    `)
  })

  test('a root without the folders to mount on', async () => {
    const message = await messageOf(() => inContainer(['/bin/true'], { rootfs: '/usr' }))
    expect(steady(message, [CONTAINER, 'NAME'])).toMatchInlineSnapshot(`
      "cannot run /bin/true in the lean container "NAME" on /usr
        found:    mount a tmpfs on: /usr: the mount point /proc must exist in the rootfs
        expected: a container that starts
        fix:      run \`npm run doctor\`: it checks what a container needs
        log:      lean-container: cannot mount a tmpfs on /usr: the mount point /proc must exist in the rootfs"
    `)
  })
})

/** The memory limit of a running container in bytes, by cgroup v1 or v2. */
async function limitOf(name: string): Promise<number> {
  for (;;) {
    for (const path of await cgroupPaths(name)) {
      for (const file of ['memory.max', 'memory.limit_in_bytes']) {
        const limit = Number(await readFile(join(path, file), 'utf8').catch(() => ''))
        // A new cgroup has no limit yet.
        if (limit > 0 && limit < Number.MAX_SAFE_INTEGER / 2) return limit
      }
    }
    await delay(5)
  }
}
