import { mkdir } from 'node:fs/promises'
import { afterEach, aroundAll, describe, expect, test } from 'vitest'
import { hostPath } from '../../host/host.ts'
import { startBench } from '../../testing/commands.ts'
import { expectNothingLeft } from '../../testing/leaks.ts'
import { messageOf, steady } from '../../testing/messages.ts'
import { clusterInUse, onCeph, prepareOnCeph, restoreAll, suiteOnCeph } from '../../testing/on-ceph.ts'
import type { Sandbox } from '../../sandbox/sandbox.ts'
import { strategyNamed } from '../../strategies/index.ts'
import { runRestore } from '../../restore/restore-run.ts'
import { GB, MB } from '../../units.ts'
import { checkPresent, whileMounted } from '../index.ts'
import { ceph } from './ceph.ts'
import type { Kind } from './daemons.ts'

const POINT = '/run/point'
const PATH = process.env['PATH']

afterEach(() => {
  process.env['PATH'] = PATH
})

async function killDaemon(kind: Kind): Promise<void> {
  const cluster = await clusterInUse()
  process.kill(-cluster.groupOf(kind), 'SIGKILL')
}

describe('a test cluster', { timeout: 60_000 }, () => {
  let sandbox: Sandbox

  aroundAll(
    (runSuite) =>
      suiteOnCeph(async (opened) => {
        sandbox = opened
        await runSuite()
      }),
    120_000,
  )

  test('restores the dumped memory, mapped and eager, warm and cold', async () => {
    await using prepared = await prepareOnCeph(sandbox)
    expect(await restoreAll(prepared)).toBe(4)
    // What its servers do is the run's own, and goes on after a dump: no time for a control.
    expect(prepared.mounted.servers).toBe((await clusterInUse()).sandbox)
    expect(prepared.dumps[0]).not.toHaveProperty('control')
  })

  test('refuses what it cannot hold before anything is written', async () => {
    await mkdir(hostPath(sandbox, POINT))
    await using _mounted = await ceph.mount(sandbox, POINT, GB)
    const message = await messageOf(() => ceph.mount(sandbox, '/run/other', 1024 * GB))
    expect(steady(message)).toMatchInlineSnapshot(`
      "cannot make room for N GB on ceph
        found:    a cluster of N GB, of which N GB are reserved
        expected: a cluster of N GB
        fix:      free memory, or measure fewer or smaller sizes at once: VITEST_CRIU_SIZES=1MB,4MB"
    `)
  })
})

describe('a daemon that is killed', () => {
  test(
    'during the copy is reported as the error, OSD or MDS, and the next suite runs each time',
    { timeout: 90_000 },
    () =>
      onCeph(async (sandbox) => {
        for (const kind of ['osd', 'mds'] as const) {
          const message = await messageOf(() =>
            prepareOnCeph(sandbox, { size: 64 * MB }, (line) => {
              if (line.startsWith('copying')) void killDaemon(kind)
            }),
          )
          expect(message).toContain(`the ceph-${kind} of the test cluster ended`)
          expect(message).toContain(`ceph-${kind} was ended by SIGKILL`)
        }
        await using prepared = await prepareOnCeph(sandbox)
        await restoreAll(prepared)
      }),
  )

  test.for(['mapped', 'eager'])(
    'during a cold restore is reported as the error: OSD, %s',
    { timeout: 60_000 },
    (strategy) =>
      onCeph(async (sandbox) => {
        await using prepared = await prepareOnCeph(sandbox, {
          size: 64 * MB,
          strategies: [strategyNamed(strategy)],
        })
        const { checkpoints, mounted } = prepared
        const [checkpoint] = checkpoints
        if (!checkpoint) throw new Error('no checkpoint')
        await mounted.dropCache?.()
        const restore = messageOf(() => whileMounted(mounted, runRestore(checkpoint)))
        await killDaemon('osd')
        expect(await restore).toContain('ceph-osd was ended by SIGKILL')
      }),
  )
})

test('missing packages are named with the command that installs them', async () => {
  process.env['PATH'] = '/nonexistent'
  expect(await messageOf(() => checkPresent(ceph))).toMatchInlineSnapshot(`
    "cannot use the filesystem "ceph" (CephFS, of a test cluster on this machine or of your own)
      found:    no ceph-mon, monmaptool, ceph-mgr, ceph-osd, ceph-mds, ceph-fuse, ceph
      expected: the programs that it needs
      fix:      npm run setup -- ceph, or apt-get install ceph-mon ceph-base ceph-mgr ceph-osd ceph-mds ceph-fuse ceph-common"
  `)
})

describe('npx vitest bench -t ceph', () => {
  test(
    'starts the cluster, measures that suite alone, and leaves nothing behind',
    () =>
      expectNothingLeft(async () => {
        const { status, stdout } = await startBench(['-t', 'ceph 1MB']).ended
        expect(status, stdout).toBe(0)
        expect(stdout).toContain('ceph, mapped')
        expect(stdout).not.toContain('tmpfs, mapped')
      }),
    60_000,
  )

  test(
    'leaves nothing behind when it is killed while its cluster runs',
    () =>
      expectNothingLeft(async () => {
        const bench = startBench(['-t', 'ceph 64MB'])
        await bench.says(/dump 1\/2/)
        process.kill(-bench.group, 'SIGKILL')
        expect((await bench.ended).status).toBe('SIGKILL')
      }),
    60_000,
  )
})
