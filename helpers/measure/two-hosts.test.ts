import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { filesystem } from '../filesystems/index.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { hostPath } from '../host/host.ts'
import { readMounts } from '../mount/mounts.ts'
import { openNetwork, type Neighbour } from '../network/network.ts'
import { CONTAINER } from '../testing/checkpoints.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { messageOf } from '../testing/messages.ts'
import { MB } from '../units.ts'
import { prepare, type CheckpointPlan, type PreparedCheckpoint } from './prepare.ts'
import { strategyNamed } from '../strategies/index.ts'
import { runRestore } from '../restore/restore-run.ts'

const SIZE = 16 * MB

interface Hosts {
  readonly dumpHost: Neighbour
  readonly restoreHost: Neighbour
}

const onTwoHosts = (action: (hosts: Hosts) => Promise<void>): Promise<void> =>
  expectNothingLeft(async () => {
    await using undo = new AsyncDisposableStack()
    const network = undo.use(await openNetwork(`${CONTAINER}-network`))
    const dumpHost = undo.use(await network.open(`${CONTAINER}-1`))
    const restoreHost = undo.use(await network.open(CONTAINER))
    await action({ dumpHost, restoreHost })
  })

const prepareOn = (
  { dumpHost, restoreHost }: Hosts,
  plan: Partial<CheckpointPlan> = {},
): Promise<PreparedCheckpoint> =>
  prepare(
    dumpHost,
    {
      filesystem: filesystem('ceph'),
      size: SIZE,
      handler: handlerNamed('native'),
      strategies: ['mapped', 'lazy', 'eager'].map(strategyNamed),
      containerName: CONTAINER,
      restoreOn: restoreHost,
      network: dumpHost.network,
      iterations: 1,
      warmup: 0,
      ...plan,
    },
    () => {},
  )

/** Bytes that `host` has received over its network interface, the only connection to the cluster. */
async function received(host: Neighbour): Promise<number> {
  const interfaces = await readFile(hostPath(host, '/proc/1/net/dev'), 'utf8')
  return Number(/^\s*eth0:\s*(\d+)/m.exec(interfaces)?.[1])
}

describe('a restore on a second host', { timeout: 120_000 }, () => {
  test('reads memory from the cluster once, even after the first host has ended', () =>
    onTwoHosts(async (hosts) => {
      const { dumpHost, restoreHost } = hosts
      await using prepared = await prepareOn(hosts)
      expect((await readMounts(dumpHost)).filter(({ type }) => type === 'fuse.ceph-fuse')).toEqual([])
      await dumpHost[Symbol.asyncDispose]()
      for (const checkpoint of prepared.checkpoints) {
        const { strategy } = checkpoint.restorable
        expect(checkpoint.host).toBe(restoreHost)
        await prepared.mounted.dropCache?.()
        const before = await received(restoreHost)
        const { sample } = await runRestore(checkpoint)
        const cold = (await received(restoreHost)) - before
        expect(sample.checksum).toBe(checkpoint.checksum)
        expect(cold, `${strategy}, with a cold cache`).toBeGreaterThanOrEqual(SIZE)
        // A second restore shows that the count distinguishes the cache from the cluster.
        await runRestore(checkpoint)
        const warm = (await received(restoreHost)) - before - cold
        expect(warm, `${strategy}, with a warm cache`).toBeLessThan(SIZE / 8)
      }
    }))

  test('is refused on a filesystem that only one host can mount', () =>
    onTwoHosts(async (hosts) => {
      expect(await messageOf(() => prepareOn(hosts, { filesystem: filesystem('tmpfs'), size: MB })))
        .toMatchInlineSnapshot(`
          "cannot restore from tmpfs on a second host
            found:    tmpfs, which only one host can mount
            expected: a filesystem that both hosts can mount
            fix:      set VITEST_CRIU_FILESYSTEMS=ceph, or unset VITEST_CRIU_RESTORE_ON"
        `)
    }))
})
