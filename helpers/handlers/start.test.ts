import { open, readlink } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { startTimeOf } from '../proc/stat.ts'
import { hostPath, type Host } from '../host/host.ts'
import { openNetwork, type Neighbour } from '../network/network.ts'
import { run } from '../process/process.ts'
import { openSandbox, type Sandbox } from '../sandbox/sandbox.ts'
import { MB } from '../units.ts'
import { outcomeOf } from '../testing/commands.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { messageOf, steady } from '../testing/messages.ts'
import { parseHandler, type Handler, type HandlerDefinition } from './definition.ts'
import { handlerNamed, reporting } from './handler.ts'
import { networkOf } from './running.ts'
import { startHandler } from './start.ts'

const NAME = `vitest-criu-start-${process.pid}`
const handlerOf = (...command: string[]): Handler => reporting('own', () => Promise.resolve(command))

const inSandbox = <T>(action: (sandbox: Sandbox) => Promise<T>): Promise<T> =>
  expectNothingLeft(async () => {
    await using sandbox = await openSandbox(NAME)
    return await action(sandbox)
  })

/** How a handler fails to start that runs this shell script. */
const starting = (script: string, limit?: number): Promise<string> =>
  inSandbox(async (sandbox) => {
    const own = handlerOf('sh', '-c', script, 'handler')
    return steady(await messageOf(() => startHandler(sandbox, own, MB, limit)))
  })

/** Starts a handler with a variable of its own, and prints its descriptors and environment. */
const START = `
import { readdir, readFile } from 'node:fs/promises'
const [{ openSandbox }, { startHandler }, { parseHandler }] = await Promise.all(
  ['./helpers/sandbox/sandbox.ts', './helpers/handlers/start.ts', './helpers/handlers/definition.ts'].map((file) => import(file)))
await import('./helpers/disposal.ts')
const sandbox = await openSandbox(process.env.NAME)
const command = ['/bin/sh', '-c', 'echo up; while :; do sleep 1; done']
const handler = parseHandler({ name: 'own', command, env: { OWN: '1' }, ready: { line: 'up' }, trigger: 'lock', done: 'exit', checksum: false })
const waiting = await startHandler(sandbox, handler, 2 ** 20)
const proc = sandbox.root + '/proc/' + waiting.pid
console.log(JSON.stringify([await readdir(proc + '/fd'), await readFile(proc + '/environ', 'utf8')]))
await waiting[Symbol.asyncDispose]()
await sandbox[Symbol.asyncDispose]()
`

describe('a handler', () => {
  test.each(['python', 'native'])('in %s gets ready, waits, and ends with its scope', async (name) => {
    await inSandbox(async (sandbox) => {
      const waiting = await startHandler(sandbox, handlerNamed(name), MB)
      expect(waiting).toMatchObject({ name, size: MB })
      expect(waiting.checksum).toMatch(/^[0-9a-f]{8,16}$/)
      expect(await startTimeOf(waiting.pid, sandbox)).toBeDefined()
      await waiting[Symbol.asyncDispose]()
      expect(await startTimeOf(waiting.pid, sandbox)).toBeUndefined()
      await waiting[Symbol.asyncDispose]()
    })
  })

  test('inherits no descriptor and no variable of this process', async () => {
    await using held = await open('/etc/hostname')
    // Node closes its own files when a program starts; a shell between them does not close what it inherits.
    const argv = ['sh', '-c', 'exec 9</etc/hostname; exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', START] // prettier-ignore
    const { status, stdout, stderr } = await outcomeOf(argv, { SECRET: `token ${held.fd}`, NAME })
    expect(status, stderr).toBe(0)
    const [fds, environment] = z.tuple([z.array(z.string()), z.string()]).parse(JSON.parse(stdout))
    expect(fds.toSorted()).toEqual(['0', '1', '2'])
    const names = environment.split('\0').flatMap((entry) => entry.split('=')[0] || [])
    expect(names.toSorted()).toEqual(['CRIU_HANDLER_FOLDER', 'LANG', 'OWN', 'PATH'])
  })

  test('of an unknown name is refused', async () => {
    expect(await messageOf(() => handlerNamed('ruby'))).toMatchInlineSnapshot(`
      "cannot use the handler "ruby"
        found:    "ruby"
        expected: one of python, native, python-http, node-http
        fix:      VITEST_CRIU_HANDLER=python"
    `)
  })

  test('that ends at once is an error with its last lines of output', async () => {
    expect(await starting('echo "no memory left" >&2; exit 1')).toMatchInlineSnapshot(`
      "the own handler did not get ready (pid PID, 1048576 bytes)
        found:    the handler ended
        expected: a line {"event":"ready",…} in /var/lib/vitest-criu/handler/report
        fix:      run its command by hand; it needs about three times its size in memory
        log:      no memory left"
    `)
  })

  test('whose program is missing is an error that says so', async () => {
    await inSandbox(async (sandbox) => {
      const message = await messageOf(() => startHandler(sandbox, handlerOf('/nonexistent/handler'), MB))
      expect(steady(message)).toMatchInlineSnapshot(`
        "the own handler did not get ready (pid PID, 1048576 bytes)
          found:    the handler ended
          expected: a line {"event":"ready",…} in /var/lib/vitest-criu/handler/report
          fix:      run its command by hand; it needs about three times its size in memory
          log:      start-handler: cannot execute /nonexistent/handler: No such file or directory"
      `)
    })
  })

  test('that never gets ready is killed at its limit', async () => {
    expect(await starting('echo "still thinking"; exec sleep 1000', 300)).toMatchInlineSnapshot(`
      "the own handler did not get ready (pid PID, 1048576 bytes)
        found:    the handler runs and is not ready
        expected: a line {"event":"ready",…} in /var/lib/vitest-criu/handler/report within 0.3 s
        fix:      run its command by hand; it needs about three times its size in memory
        log:      still thinking"
    `)
  })

  test('that writes something else to its report is killed', async () => {
    expect(await starting('echo ready >> "$3"; exec sleep 1000')).toMatchInlineSnapshot(`
      "cannot read the handler's report /var/lib/vitest-criu/handler/report
        found:    ready
        expected: a JSON line of event "ready" or "done", with its checksum and its time points
        fix:      let the handler append one such line when it is ready and one when it is done"
    `)
  })
})

/** Runs `action` on a host that has a network namespace of its own, as each of two hosts has. */
const onNeighbour = (action: (host: Neighbour) => Promise<void>): Promise<void> =>
  expectNothingLeft(async () => {
    await using network = await openNetwork(`${NAME}-network`)
    await using host = await network.open(NAME)
    await action(host)
  })

const sayOn = async (host: Host, ...argv: string[]): Promise<string> =>
  (await run(host, { argv, failed: 'cannot ask', fix: '', timeout: 10_000 })).stdout.trim()

/** Starts a process that has a network of its own after a while, or never; returns its pid there. */
const startOn = async (host: Host, script: string): Promise<number> =>
  Number(await sayOn(host, 'sh', '-c', `(${script}) >/dev/null 2>&1 & echo $!`))

/** The network namespace in which commands of that host run. */
const namespaceOf = (host: Host): Promise<string> => sayOn(host, 'readlink', '/proc/self/ns/net')

/** How a handler of this shell script fails to start, which is ready when it has made the file `up`. */
const readyFailure = (script: string, ready: HandlerDefinition['ready']): Promise<string> =>
  inSandbox(async (sandbox) => {
    const handler = parseHandler({
      name: 'own',
      command: ['/bin/sh', '-c', `cd "$CRIU_HANDLER_FOLDER"; ${script}`],
      ready,
      trigger: 'lock',
      done: 'exit',
      checksum: false,
    })
    const message = await messageOf(() => startHandler(sandbox, handler, MB))
    return steady(message, [/process \d+/g, 'process PID'])
  })

describe('a handler that gets ready late, or not in the foreground:', () => {
  test('the limit of its definition counts, and not the usual one', async () => {
    const message = await readyFailure('exec sleep 1000', { file: 'up', within: '300ms' })
    expect(message).toContain('expected: the file /var/lib/vitest-criu/handler/up within 0.3 s')
  })

  test.each([
    ['ready', 'sleep 1000 & touch up'],
    ['not ready', 'sleep 1000 &'],
  ])('a daemon is told as such, %s', async (_, script) => {
    expect(await readyFailure(script, { file: 'up' })).toMatchInlineSnapshot(`
      "cannot dump the own handler: it runs as a daemon
        found:    its first process (pid PID) has ended, and process PID (sleep) runs on
        expected: a program that stays in the foreground: its first process is dumped, with all children
        fix:      start it in the foreground: nginx -g 'daemon off;', redis-server --daemonize no, memcached without -d, php-fpm --nodaemonize, apache2 -DFOREGROUND, sshd -D, gunicorn without --daemon"
    `)
  })
})

describe("a handler's own network", () => {
  test('is the network of its host prefix, on a host that has a network of its own', () =>
    onNeighbour(async (neighbour) => {
      await using waiting = await startHandler(neighbour, handlerNamed('python-http'), MB)
      const own = await readlink(hostPath(neighbour, `/proc/${waiting.pid}/ns/net`))
      expect(own).not.toBe(await namespaceOf(neighbour))
      expect(await namespaceOf(waiting.host)).toBe(own)
    }))

  test.each([
    ['the machine', inSandbox],
    ['a host with a network of its own', onNeighbour],
  ] as const)('is waited for, on %s', (_, onHost) =>
    onHost(async (host: Sandbox) => {
      const pid = await startOn(host, 'sleep 0.5; exec unshare --net sleep 1000')
      const inside = await networkOf(host, pid)
      expect(await namespaceOf(inside)).not.toBe(await namespaceOf(host))
    }),
  )

  test(
    'that never comes is an error at the limit',
    () =>
      inSandbox(async (host) => {
        const pid = await startOn(host, 'exec sleep 1000')
        expect(steady(await messageOf(() => networkOf(host, pid, 300)), [String(pid), 'PID']))
          .toMatchInlineSnapshot(`
          "cannot give the handler PID a network of its own
            found:    the network of the handler's host
            expected: a network namespace of its own within 0.3 s
            fix:      the kernel needs CONFIG_NET_NS; or \`network: false\` in defineHandler({ … })"
        `)
      }),
    10_000,
  )

  test('is not waited for after the end of its process', () =>
    inSandbox(async (host) => {
      const pid = await startOn(host, 'sleep 0.3; exit 1')
      expect(await networkOf(host, pid)).toBe(host)
    }))
})
