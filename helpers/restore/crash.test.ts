import { describe, expect, test } from 'vitest'
import type { HandlerDefinition } from '../handlers/definition.ts'
import { parseHandler } from '../handlers/definition.ts'
import { strategyNamed } from '../strategies/index.ts'
import { withCheckpoint, withCheckpoints } from '../testing/checkpoints.ts'
import { messageOf } from '../testing/messages.ts'
import { WORK } from '../installation/paths.ts'
import { MB } from '../units.ts'
import { runRestore } from './restore-run.ts'

const PROGRAM = `
import os, signal, sys, time
lock, report, way = sys.argv[1:]
print('ready', flush=True)
print('{"event":"ready","checksum":"none"}', file=open(report, 'a'), flush=True)
while open(lock).read() == '0': time.sleep(0.01)
if way != 'done': print('now I crash', flush=True)
if way == 'exit': sys.exit(3)
if way == 'done': sys.exit(print('done', flush=True))
os.kill(os.getpid(), signal.SIGSEGV)
`

/** A handler that waits for its lock, and then ends without being done. */
const crashing = (way: 'exit' | 'signal', done: HandlerDefinition['done']) =>
  parseHandler({
    name: 'crashing',
    command: ({ lock, report }) => ['/usr/bin/python3', '-I', '-S', '-c', PROGRAM, lock, report, way],
    memory: 4 * MB,
    ready: done === 'report' ? 'report' : { line: 'ready' },
    trigger: 'lock',
    done,
    // It would crash before the dump already.
    checksum: false,
  })

describe('a handler that crashes is told from a restore that fails', () => {
  test.each([
    ['exit', 'report', 'it ended', 'it ended with exit status 3'],
    ['signal', 'report', 'it ended', 'SIGSEGV ended it'],
    ['exit', 'exit', 'it ended with exit status 3', 'it ended with exit status 3'],
    ['signal', { line: 'done' }, 'SIGSEGV ended it', 'SIGSEGV ended it'],
  ] as const)('%s, with done: %j', async (way, done, restored, started) => {
    const strategies = ['eager', 'plain'].map(strategyNamed)
    await withCheckpoints({ handler: crashing(way, done), strategies }, async ([eager, plain]) => {
      const afterRestore = await messageOf(() => eager && runRestore(eager))
      const fromScratch = await messageOf(() => plain && runRestore(plain))
      expect(afterRestore).toContain(
        `the crashing handler failed after its restore on ${WORK}/rootfs in the lean container (eager)\n  found:    before it was done, ${restored}\n`,
      )
      expect(afterRestore).toContain('now I crash')
      expect(fromScratch).toContain(
        `cannot start the crashing handler on ${WORK}/rootfs in the lean container (plain)\n  found:    before it was done, ${started}\n`,
      )
      expect(afterRestore + fromScratch).not.toContain("search CRIU's issues")
    })
  })
})

test('a handler that crashes before its dump is told as one that crashes', async () => {
  const handler = { ...crashing('signal', { line: 'done' }), checksum: () => 'none' }
  const message = await messageOf(() => withCheckpoint({ handler }, async () => {}))
  expect(message).toContain(
    'handler did not run before the dump\n  found:    before it was done, SIGSEGV ended it\n',
  )
})

const ORPHAN = `
import os, signal, sys, time
print('ready', flush=True)
sys.stdin.readline()
told, tell = os.pipe()
if os.fork() == 0:
    pid = os.fork()
    if pid == 0: time.sleep(1000)
    os.write(tell, b'%d' % pid)
    os._exit(0)
os.wait()
orphan = int(os.read(told, 20))
os.kill(orphan, signal.SIGKILL)
try:
    while True: os.kill(orphan, 0)
except ProcessLookupError:
    print('done', flush=True)
time.sleep(1000)
`

test('a process that has lost its parent may end by a signal', async () => {
  const handler = parseHandler({
    name: 'with-an-orphan',
    command: ['/usr/bin/python3', '-I', '-S', '-c', ORPHAN],
    memory: 4 * MB,
    ready: { line: 'ready' },
    trigger: { line: 'go' },
    done: { line: 'done' },
  })
  const strategies = ['eager', 'plain'].map(strategyNamed)
  await withCheckpoints({ handler, strategies }, async (checkpoints) => {
    for (const checkpoint of checkpoints)
      expect((await runRestore(checkpoint)).output.handler).toMatch(/done\n$/)
  })
})

test('a handler that computes something else from scratch is not told as a wrong restore', async () => {
  let asked = 0
  const handler = parseHandler({
    name: 'differing',
    command: ({ lock, report }) => ['/usr/bin/python3', '-I', '-S', '-c', PROGRAM, lock, report, 'done'],
    memory: 4 * MB,
    ready: { line: 'ready' },
    trigger: 'lock',
    done: { line: 'done' },
    checksum: () => String(asked++),
  })
  await withCheckpoint({ handler, strategies: [strategyNamed('plain')] }, async (checkpoint) => {
    const message = await messageOf(() => runRestore(checkpoint))
    expect(message).toMatchInlineSnapshot(`
      "the handler that was started from scratch is not the one that was dumped (1048576 bytes)
        found:    the checksum 1
        expected: the checksum 0, from before the dump
        fix:      let it compute the same in every start: no time, random number or pid in its answer or checksum"
    `)
  })
})
