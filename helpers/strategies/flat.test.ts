import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseHandler } from '../handlers/definition.ts'
import { filesystem } from '../filesystems/index.ts'
import { handlerFiles, handlerNamed } from '../handlers/handler.ts'
import { hostPath } from '../host/host.ts'
import { fixture } from '../installation/paths.ts'
import { runRestore, startRestore } from '../restore/restore-run.ts'
import { withCheckpoint, withCheckpoints } from '../testing/checkpoints.ts'
import { compareWithDump, restoreAndHold } from '../testing/live-restore.ts'
import { outcomeOf, RIGHT, scene } from '../testing/scenes.ts'
import { KB, MB, type Bytes } from '../units.ts'
import { strategyNamed } from './index.ts'

const lastLine = (form: RegExp, log: string): string => log.match(form)?.at(-1) ?? `no line ${form.source}`

const perl = parseHandler({
  name: 'perl-heap',
  command: ({ size }) => ['/usr/bin/perl', fixture('scenes/heap.pl'), String(size)],
  ready: { line: 'ready' },
  trigger: { stdin: 'go\n' },
  done: { line: 'done' },
  checksum: async ({ folder }) => lastLine(/^digest .*/gm, await readFile(handlerFiles(folder).log, 'utf8')),
  memory: 64 * MB,
})

const SHARED = 32 * MB
const WORKERS = 4

const prefork = parseHandler({
  name: 'prefork',
  command: ['/usr/bin/python3', '-IS', fixture('scenes/prefork.py'), String(SHARED), String(WORKERS)],
  ready: { line: 'ready' },
  trigger: { stdin: 'go\n' },
  done: { line: 'done' },
  checksum: async ({ folder }) => lastLine(/^digests .*/gm, await readFile(handlerFiles(folder).log, 'utf8')),
})
/** Of all processes in the dump. */
const DUMPED = (1 + WORKERS) * SHARED

/** Programs whose memory is the heap. */
const PROGRAMS = [scene('heap'), perl]

test.each(PROGRAMS)(
  'the memory that CRIU copies does not grow with the heap of a program: $name',
  async (handler) => {
    const copiedAt = (size: Bytes) =>
      withCheckpoint({ handler, size, strategies: [strategyNamed('mapped')] }, async (checkpoint) => {
        await runRestore(checkpoint)
        return checkpoint.restorable.copied
      })
    const small = await copiedAt(4 * MB)
    expect(Math.abs((await copiedAt(32 * MB)) - small)).toBeLessThan(128 * KB)
  },
)

test.each(['tmpfs', 'ext4'])(
  'a process with 256 GB of address space is mapped from a small file on %s, and gives all of it back at once',
  async (name) => {
    const plan = { handler: scene('alike-reserved'), size: 8 * MB, filesystem: filesystem(name) }
    await withCheckpoint({ ...plan, strategies: [strategyNamed('mapped')] }, async (checkpoint) => {
      const backing = hostPath(checkpoint.host, join(checkpoint.rootfs.path, 'mapped/backing'))
      expect((await stat(backing)).size).toBeLessThan(64 * MB)
      const { folder, ended } = await startRestore(checkpoint)
      expect((await ended).sample.guard).toMatchObject({ discardedBytes: 8 * MB, zeroedBytes: 0 })
      expect(await outcomeOf(folder)).toEqual(RIGHT)
    })
  },
)

test('memory that processes share is copied, and counted', async () => {
  const plan = {
    handler: scene('shared-anon'),
    size: SHARED,
    strategies: ['mapped', 'eager'].map(strategyNamed),
  }
  await withCheckpoints(plan, async ([mapped, eager]) => {
    // The scene shares a page of its own, too.
    expect(Math.abs((mapped?.restorable.shared ?? 0) - SHARED)).toBeLessThan(64 * KB)
    expect(mapped?.restorable.copied).toBeGreaterThan(SHARED)
    expect(mapped?.restorable.copied).toBeLessThanOrEqual(eager?.restorable.copied ?? 0)
  })
})

test('CRIU waits for nobody when it gives memory the advice that it had', async () => {
  // V8 gives dozens of areas advice. It makes a few calls of its own as well.
  const plan = { handler: handlerNamed('node-http'), size: MB, strategies: [strategyNamed('mapped')] }
  await withCheckpoint(plan, async (checkpoint) => {
    const { guard } = (await runRestore(checkpoint)).sample
    expect(guard?.notifications).toBeLessThan(50)
  })
})

test('CRIU waits for nobody when a child lacks memory that its parent got after the fork', async () => {
  const source = `import mmap, os, sys, time
memory = mmap.mmap(-1, 4 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
if os.fork() == 0:
    time.sleep(1000)
for at in range(0, 1 << 20, 8192):
    memory[at] = 1
print("ready", flush=True)
sys.stdin.readline()
print("done", flush=True)`
  const handler = parseHandler({
    name: 'ahead-of-its-child',
    command: ['/usr/bin/python3', '-ISc', source],
    ready: { line: 'ready' },
    trigger: { stdin: 'go\n' },
    done: { line: 'done' },
  })
  const plan = { handler, size: 32 * MB, strategies: [strategyNamed('mapped')] }
  await withCheckpoint(plan, async (checkpoint) => {
    const { guard } = (await runRestore(checkpoint)).sample
    expect(guard?.notifications).toBeLessThan(50)
  })
})

test('processes that share memory since a fork still share it after the restore', async () => {
  const plan = { handler: prefork, size: DUMPED, strategies: [strategyNamed('mapped')] }
  await withCheckpoint(plan, async (checkpoint) => {
    const { output } = await runRestore(checkpoint)
    expect(Number(lastLine(/(?<=^memory )\d+/gm, output.handler))).toBeLessThan(2 * SHARED)
    const live = await restoreAndHold(checkpoint)
    const { bytes, different } = await compareWithDump(checkpoint, live)
    expect(bytes).toBeGreaterThan(DUMPED)
    expect(different).toEqual([])
    await live.finish()
  })
})
