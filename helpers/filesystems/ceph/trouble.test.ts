import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hostPath, type Host } from '../../host/host.ts'
import { run } from '../../process/process.ts'
import { temporaryFolder } from '../../testing/folders.ts'
import { messageOf } from '../../testing/messages.ts'
import {
  accessFiles,
  clusterInUse,
  mountWhole,
  onCeph,
  prepareOnCeph,
  restoreAll,
  startCluster,
} from '../../testing/on-ceph.ts'
import { openSandbox } from '../../sandbox/sandbox.ts'
import { runRestore } from '../../restore/restore-run.ts'
import { MB } from '../../units.ts'
import { whileMounted } from '../index.ts'
import { ceph } from './ceph.ts'

const POINT = '/run/point'

const shell = (host: Host, script: string, timeout: number) =>
  run(host, {
    argv: ['sh', '-c', script, 'sh', POINT],
    failed: 'cannot write',
    fix: 'look',
    timeout,
  })

// Files, until one cannot be written: no faster than servers tell each other how full they are.
const UNTIL_REFUSED =
  'i=0; while dd if=/dev/zero bs=1M count=24 conv=fsync of="$1/$i" status=none; do i=$((i+1)); sleep 0.5; done; exit 1'
// Files, whatever becomes of them, for as long as there is a folder.
const FOR_EVER =
  'i=0; while [ -d "$1/." ]; do dd if=/dev/zero bs=1M count=24 conv=fsync of="$1/$i" status=none; i=$((i+1)); sleep 0.5; done; exit 1'

describe('a cluster that is full', () => {
  test(
    'takes its mount away from a process that would wait forever, and the next suite runs',
    { timeout: 120_000 },
    () =>
      onCeph(async (sandbox) => {
        await using other = await openSandbox(`vitest-criu-other-${process.pid}`)
        for (const host of [sandbox, other]) await mkdir(hostPath(host, POINT))
        {
          const settings = { client: 'auto', capacity: 128 * MB } as const
          await using mounted = await ceph.mount(sandbox, POINT, 16 * MB, { ceph: settings, patience: 3000 })
          // What the suite needs stays the same on a host that restores.
          await mounted.moveTo?.(other)
          const message = await messageOf(() => whileMounted(mounted, shell(other, FOR_EVER, 100_000)))
          expect(message).toMatch(/^cannot write to ceph: it is full \(a test cluster on loopback/)
          expect(message).toContain('found:    0.0 kB free of ')
          expect(message).toContain('osd.0 is full')
          expect(message).toContain('expected: room for 16.0 MB')
        }
        await using prepared = await prepareOnCeph(sandbox)
        await restoreAll(prepared)
      }),
  )

  test(
    "to a user's quota is reported as the error, and accepts the removal of the run's folder",
    { timeout: 90_000 },
    () =>
      onCeph(async (sandbox) => {
        await using cluster = await startCluster()
        await using _whole = await mountWhole(cluster, sandbox, '/run/whole')
        const bench = hostPath(sandbox, '/run/whole/bench')
        await mkdir(bench)
        await cluster.command('osd pool set-quota', {
          pool: 'data',
          field: 'max_bytes',
          val: String(64 * MB),
        })
        await using files = await temporaryFolder()
        const settings = await accessFiles(cluster, files.path, 'bob', '/bench')
        await mkdir(hostPath(sandbox, POINT))
        {
          await using mounted = await ceph.mount(sandbox, POINT, 64 * MB, { ceph: settings })
          const message = await messageOf(() => whileMounted(mounted, shell(sandbox, UNTIL_REFUSED, 60_000)))
          expect(message).toMatch(/^cannot write to ceph: it is full \(the cluster of /)
          expect(message).toContain("pool 'data' is full (running out of quota)")
        }
        expect(await readdir(bench)).toEqual([])
      }),
  )
})

test.for([{ silent: ['osd'] }, { silent: ['osd', 'mon'] }] as const)(
  'a cluster that does not answer is reported as the error of the work that waits for it: no answer of $silent',
  { timeout: 60_000 },
  ({ silent }) =>
    onCeph(async (sandbox) => {
      await mkdir(hostPath(sandbox, POINT))
      await using mounted = await ceph.mount(sandbox, POINT, 64 * MB, { patience: 1000 })
      const file = hostPath(sandbox, join(POINT, 'file'))
      await writeFile(file, Buffer.alloc(MB))
      await mounted.dropCache?.()
      const cluster = await clusterInUse()
      for (const kind of silent) process.kill(-cluster.groupOf(kind), 'SIGSTOP')
      // Not a command that has a limit: this process itself waits.
      const message = await messageOf(() => whileMounted(mounted, readFile(file)))
      expect(message).toMatch(/^cannot go on with ceph: it does not answer \(a test cluster on loopback/)
      expect(message).toContain('expected: a block written within 1 s')
    }),
)

/** Every ceph-fuse in a sandbox is a client of this test. */
const KILL_CLIENT =
  'for each in /proc/[0-9]*; do [ "$(cat $each/comm)" != ceph-fuse ] || kill -KILL "${each#/proc/}"; done'

test(
  'a ceph-fuse that ends is reported as the error of the work on its mount, and the next suite runs',
  { timeout: 60_000 },
  () =>
    onCeph(async (sandbox) => {
      {
        await using prepared = await prepareOnCeph(sandbox)
        await shell(sandbox, KILL_CLIENT, 10_000)
        for (const checkpoint of prepared.checkpoints) {
          const message = await messageOf(() => whileMounted(prepared.mounted, runRestore(checkpoint)))
          expect(message).toMatch(/^cannot go on with ceph: its client has ended/)
          expect(message).toContain('found:    ceph-fuse was ended by SIGKILL')
        }
      }
      await using prepared = await prepareOnCeph(sandbox)
      await restoreAll(prepared)
    }),
)

describe('an MDS that is restarted', () => {
  test('during the copy does not fail the run', { timeout: 90_000 }, () =>
    onCeph(async (sandbox) => {
      const restarts: Array<Promise<void>> = []
      await using prepared = await prepareOnCeph(sandbox, { size: 64 * MB }, (line) => {
        if (line.startsWith('copying'))
          restarts.push(clusterInUse().then((cluster) => cluster.restart('mds')))
      })
      await Promise.all(restarts)
      expect(restarts).toHaveLength(1)
      expect(await restoreAll(prepared)).toBe(4)
    }),
  )

  test('during a cold restore, mapped or eager, does not fail it', { timeout: 90_000 }, () =>
    onCeph(async (sandbox) => {
      await using prepared = await prepareOnCeph(sandbox, { size: 64 * MB })
      const cluster = await clusterInUse()
      for (const checkpoint of prepared.checkpoints) {
        await prepared.mounted.dropCache?.()
        const restarted = cluster.restart('mds')
        const { sample } = await whileMounted(prepared.mounted, runRestore(checkpoint))
        await restarted
        expect(sample.checksum).toBe(checkpoint.checksum)
      }
      expect(cluster.lost).toBeUndefined()
    }),
  )
})
