import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { fixture } from '../../installation/paths.ts'
import { openSandbox } from '../../sandbox/sandbox.ts'
import { expectNothingLeft } from '../../testing/leaks.ts'
import { withCheckpoint } from '../../testing/checkpoints.ts'
import { messageOf, steady } from '../../testing/messages.ts'
import { MB } from '../../units.ts'
import { parseHandler } from '../definition.ts'
import { startHandler } from '../start.ts'

/** The process of fixtures/scenes/misbehaving.py: it never does anything, so that nothing but the look at it counts. */
const behaving = (way: string) =>
  parseHandler({
    name: way,
    command: ({ folder }) => ['/usr/bin/python3', '-I', '-S', fixture('scenes/misbehaving.py'), way, folder],
    ready: { line: 'ready' },
    trigger: 'lock',
    done: { file: 'never' },
    checksum: false,
    network: way !== 'tcp',
    // Some of what it does takes capabilities.
    privileged: true,
  })

const WAYS = [
  'io_uring',
  'perf_event',
  'tcp',
  'unread',
  'unix',
  'terminal',
  'controlling-terminal',
  'deleted',
  'mapped-deleted',
  'run-file',
  'device',
  'fifo',
  'orphan',
  'mptcp',
  // Where the machine has the capability, such a process can be dumped.
  ...(readFileSync('/proc/self/status', 'utf8').includes('CapEff:\t000001ffffffffff') ? [] : ['user']),
  'root',
]

/** Numbers that differ from run to run. */
const NUMBERS = [
  [/ of \d+:/g, ' of PID:'],
  [/process \d+/g, 'process PID'],
  [/ to port \d+/g, ' to port N'],
  [/handler\/#\d+/g, 'handler/#N'],
  [/\/dev\/pts\/\d+/g, '/dev/pts/N'],
  [/fd \d+/g, 'fd N'],
  [/with \d+ bytes/g, 'with N bytes'],
] as const

describe('before a dump, a process is refused with the fix', () => {
  test.each(WAYS)('when it has what cannot be dumped: %s', async (way) => {
    await expectNothingLeft(async () => {
      await using sandbox = await openSandbox(`vitest-criu-preflight-${process.pid}`)
      const message = await messageOf(() => startHandler(sandbox, behaving(way), MB))
      expect(steady(message, ...NUMBERS)).toMatchSnapshot()
    })
  })

  test('for everything at once, files from outside of its mount namespace included', async () => {
    await expectNothingLeft(async () => {
      await using sandbox = await openSandbox(`vitest-criu-preflight-${process.pid}`)
      const handler = parseHandler({
        name: 'heir',
        // The descriptor is of the mount namespace that the shell leaves.
        command: [
          'sh',
          '-c',
          'exec 7</etc/hostname; exec unshare --mount -- sh -c "echo ready; exec sleep 1000"',
        ],
        ready: { line: 'ready' },
        trigger: 'lock',
        done: 'exit',
        checksum: false,
        privileged: true,
      })
      const message = await messageOf(() => startHandler(sandbox, handler, MB))
      expect(steady(message, ...NUMBERS)).toMatchSnapshot()
    })
  })
})

test('a process with threads, children, pipes and its own sockets can be dumped', async () => {
  await withCheckpoint({ handler: behaving('well'), size: MB }, async ({ pid, rootfs, host }) => {
    expect(pid).toBeGreaterThan(0)
    expect(await readFile(`${host.root}${rootfs.path}/images/inventory.img`)).not.toHaveLength(0)
  })
})
