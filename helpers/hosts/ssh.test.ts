import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, aroundAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { Results } from '../../reports/results.ts'
import { filesystem } from '../filesystems/index.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { compareClocks } from '../machine/clock.ts'
import { hostPath, type Host } from '../host/host.ts'
import { CLEANUP_HOOKS } from '../installation/paths.ts'
import { run } from '../process/process.ts'
import { CONTAINER } from '../testing/checkpoints.ts'
import { outcomeOf, PROJECT } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { messageOf } from '../testing/messages.ts'
import { noServer, openSecondMachine, type SecondMachine } from '../testing/ssh-server.ts'
import { MB } from '../units.ts'
import { durationOf } from '../../reports/timeline.ts'
import { prepare, type PreparedCheckpoint } from '../measure/prepare.ts'
import { strategyNamed } from '../strategies/index.ts'
import { runRestore } from '../restore/restore-run.ts'
import { openHosts, type TwoHosts } from './hosts.ts'
import type { HostsRequest } from './request.ts'

beforeEach(({ skip }) => {
  const reason = noServer()
  if (reason !== undefined) skip(reason)
})
afterEach(() => void vi.restoreAllMocks())

const open = (
  { url, sshConfig, network }: SecondMachine,
  request: Partial<HostsRequest> = {},
): Promise<TwoHosts> =>
  openHosts(
    { restoreOn: url, containerName: CONTAINER, sshConfig, network, programs: ['ceph-fuse'], ...request },
    () => {},
  )

const prepareOn = (
  { dumpHost, restoreHost }: TwoHosts,
  strategies = ['mapped'],
): Promise<PreparedCheckpoint> => {
  const plan = {
    filesystem: filesystem('ceph'),
    size: 4 * MB,
    handler: handlerNamed('native'),
    strategies: strategies.map(strategyNamed),
    containerName: CONTAINER,
    restoreOn: restoreHost,
    network: dumpHost.network,
    iterations: 1,
    warmup: 0,
  }
  return prepare(dumpHost, plan, () => {})
}

const say = (
  host: Host,
  argv: readonly string[],
  timeout = 10_000,
): Promise<{ stdout: string; exitCode: number }> =>
  run(host, { argv, failed: 'cannot say it', fix: '', timeout, accept: [0, 7] })

const processesOn = async (host: Host): Promise<string> =>
  (await say(host, ['ps', '-e', '-o', 'args'])).stdout

/** Milliseconds for what ends, or begins, a moment after. */
const PATIENCE = 10_000

/** This machine's clock as it would be an hour ahead: all that this process knows of it. */
function anHourAhead(): void {
  const real = Date.now.bind(Date)
  vi.spyOn(Date, 'now').mockImplementation(() => real() + HOUR)
}
const HOUR = 3_600_000

describe('another machine', { timeout: 120_000 }, () => {
  let hosts: TwoHosts
  let prepared: PreparedCheckpoint

  aroundAll(async (runSuite) => {
    if (noServer() !== undefined) return runSuite()
    await expectNothingLeft(async () => {
      await using machine = await openSecondMachine()
      await using opened = await open(machine)
      await using dumped = await prepareOn(opened, ['mapped', 'lazy', 'eager'])
      hosts = opened
      prepared = dumped
      await runSuite()
    })
  }, 120_000)

  test('restores a dump of this machine with each strategy', async () => {
    for (const checkpoint of prepared.checkpoints) {
      expect((await runRestore(checkpoint)).sample.checksum).toBe(checkpoint.checksum)
      await prepared.mounted.dropCache?.()
      expect((await runRestore(checkpoint)).sample.checksum).toBe(checkpoint.checksum)
    }
  })

  test('gets arguments unchanged, returns status and files, and kills commands at their limit', async () => {
    const { restoreHost } = hosts
    const words = ['', 'a b', `it's "quoted"`, '$HOME `id`', 'two\nlines', '*', '\\n']
    const { stdout } = await say(restoreHost, ['printf', '[%s]', ...words])
    expect(stdout).toBe(words.map((word) => `[${word}]`).join(''))
    expect((await say(restoreHost, ['sh', '-c', 'exit 7'])).exitCode).toBe(7)
    await writeFile(hostPath(restoreHost, '/run/file'), 'from here')
    expect((await say(restoreHost, ['cat', '/run/file'])).stdout).toBe('from here')
    expect(await messageOf(() => say(restoreHost, ['sleep', '4711'], 500))).toContain(
      'still running after 0.5 s',
    )
    await vi.waitFor(async () => expect(await processesOn(restoreHost)).not.toContain('sleep 4711'), PATIENCE)
  })

  test('kills a restore that hangs at its limit, and restores again', async () => {
    const [checkpoint] = prepared.checkpoints
    if (!checkpoint) throw new Error('no checkpoint')
    expect(await messageOf(() => runRestore(checkpoint, { lock: '0', timeout: 2000 }))).toContain(
      'still running after 2 s',
    )
    expect((await runRestore(checkpoint)).sample.checksum).toBe(checkpoint.checksum)
  })

  test('takes all points of a sample from its own clock, whatever the difference of the clocks', async () => {
    const [checkpoint] = prepared.checkpoints
    if (!checkpoint) throw new Error('no checkpoint')
    const started = BigInt(Date.now() - 1) * 1_000_000n
    anHourAhead()
    const { sample } = await runRestore(checkpoint)
    const phases = ['lean container', 'restore', 'execution', 'cold start'].map(
      (phase) => durationOf(sample.points, phase) ?? Number.NaN,
    )
    const points = Object.values(sample.points).map(Number)
    vi.restoreAllMocks()
    const ended = BigInt(Date.now() + 1) * 1_000_000n
    expect(points.every((point) => point > Number(started) && point < Number(ended))).toBe(true)
    expect(Math.max(...phases)).toBeLessThan(Number(ended - started) / 1e6)
  })

  test('is compared by its clock: the difference is found within the stated error', async () => {
    const { restoreHost, record } = hosts
    // One kernel, one clock: what is found must be within the bound of nothing.
    expect(Math.abs(record.clock.offset)).toBeLessThanOrEqual(record.clock.bound)
    anHourAhead()
    const { offset, bound } = await compareClocks(restoreHost)
    expect(Math.abs(offset + HOUR)).toBeLessThanOrEqual(bound)
  })

  test('refuses a dump whose backing file was changed there', async () => {
    // The inodes and times of the backing file are asked for there: what is changed there is refused here.
    const [mapped] = prepared.checkpoints
    await say(hosts.restoreHost, ['touch', join(mapped?.rootfs.path ?? '', 'mapped/backing')])
    expect(await messageOf(() => mapped && runRestore(mapped))).toContain(
      'changed or replaced after the rewrite',
    )
  })
})

describe('another machine', { timeout: 120_000 }, () => {
  test('that disappears during a command makes the command fail at once', () =>
    expectNothingLeft(async () => {
      await using machine = await openSecondMachine()
      await using hosts = await open(machine)
      const waiting = messageOf(() => say(hosts.restoreHost, ['sleep', '4711'], 60_000))
      await vi.waitFor(
        async () => expect(await processesOn(hosts.restoreHost)).toContain('sleep 4711'),
        PATIENCE,
      )
      await machine.machine[Symbol.asyncDispose]()
      expect(await waiting).toContain('cannot say it')
    }))

  test('cleans up when this machine disappears', () =>
    expectNothingLeft(async () => {
      await using machine = await openSecondMachine()
      const hosts = await open(machine)
      await say(hosts.restoreHost, ['sh', '-c', 'setsid sleep 4711 >/dev/null 2>&1 &'])
      // What a killed run wants done on a shared file system is done there, as it is here.
      await using folder = await temporaryFolder()
      const done = join(folder.path, 'done')
      await mkdir(hostPath(hosts.restoreHost, CLEANUP_HOOKS))
      await writeFile(hostPath(hosts.restoreHost, join(CLEANUP_HOOKS, 'runCleanupHooks.sh')), `touch ${done}`)
      process.kill(hosts.dumpHost.init, 'SIGKILL')
      await vi.waitFor(
        async () => expect(await processesOn(machine.machine)).not.toMatch(/unshare|sleep 4711/),
        PATIENCE,
      )
      expect(existsSync(done)).toBe(true)
      await hosts[Symbol.asyncDispose]()
    }))
})

const refused = async (machine: SecondMachine, request: Partial<HostsRequest>): Promise<string> =>
  (await messageOf(() => open(machine, request))).replaceAll(machine.url, 'URL')

describe(
  'another machine is refused before anything is measured, with its name and the fix,',
  { timeout: 60_000 },
  () => {
    let machine: SecondMachine

    aroundAll(async (runSuite) => {
      if (noServer() !== undefined) return runSuite()
      await expectNothingLeft(async () => {
        await using opened = await openSecondMachine()
        machine = opened
        await runSuite()
      })
    }, 60_000)

    test('when ssh would have to ask a question', async () => {
      expect(await refused(machine, { sshConfig: '/dev/null' })).toMatchInlineSnapshot(`
        "cannot connect to URL
          found:    ssh exited with 255
          expected: a command that runs until it is stopped
          fix:      let ssh connect without a question: run ssh-copy-id, and \`ssh\` once by hand to accept the host key
          log:      Host key verification failed."
      `)
    })

    test('when nobody listens', async () => {
      expect(await refused(machine, { restoreOn: `ssh://root@${machine.machine.address}:1` }))
        .toMatchInlineSnapshot(`
        "cannot connect to ssh://root@10.42.0.1:1
          found:    ssh exited with 255
          expected: a command that runs until it is stopped
          fix:      let ssh connect without a question: run ssh-copy-id, and \`ssh\` once by hand to accept the host key
          log:      ssh: connect to host 10.42.0.1 port 1: Connection refused"
      `)
    })

    test('when it has no client of the filesystem', async () => {
      expect(await refused(machine, { programs: ['no-such-client'] })).toMatchInlineSnapshot(`
        "cannot restore on URL: client
          found:    no no-such-client
          expected: what a restore needs: root, namespaces, cgroups, this architecture, a CRIU that runs there
          fix:      apt-get install no-such-client on that host"
      `)
    })

    test('when its link is to be limited, which this run does not own', async () => {
      expect(await refused(machine, { link: { bandwidth: '1mbit' } })).toMatchInlineSnapshot(`
        "cannot limit the link of URL
          found:    VITEST_CRIU_LINK, and a host on another machine
          expected: a link that this run has made: that of a namespace
          fix:      set VITEST_CRIU_RESTORE_ON=namespace; or unset VITEST_CRIU_LINK and limit the link on that machine with tc(8)"
      `)
    })
  },
)

test('bench/remote.bench.ts measures on another machine, by the option restoreOn', { timeout: 120_000 }, () =>
  expectNothingLeft(async () => {
    await using machine = await openSecondMachine('loopback')
    await using output = await temporaryFolder()
    const vitest = join(PROJECT, 'node_modules/vitest/vitest.mjs')
    const { status, stdout } = await outcomeOf(
      [process.execPath, vitest, 'bench', '--run', 'bench/remote.bench.ts', '-t', '16MB mapped'],
      {
        VITEST_CRIU_RESTORE_ON: machine.url,
        VITEST_CRIU_SSH_CONFIG: machine.sshConfig,
        VITEST_CRIU_ITERATIONS: '2',
        VITEST_CRIU_WARMUP: '0',
        VITEST_CRIU_OUTPUT: output.path,
      },
    )
    expect(status, stdout).toBe(0)
    const { suites } = Results.parse(JSON.parse(await readFile(join(output.path, 'results.json'), 'utf8')))
    expect(suites.map(({ title, hosts }) => [title, hosts?.restored.name])).toEqual([
      [`ceph 16MB mapped cold on ${machine.url}`, machine.url],
    ])
    expect(stdout).toContain(`restored on ${machine.url}`)
  }),
)
