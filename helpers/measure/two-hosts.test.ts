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
  readonly dumps: Neighbour
  readonly restores: Neighbour
}

const onTwoHosts = (action: (hosts: Hosts) => Promise<void>): Promise<void> =>
  expectNothingLeft(async () => {
    await using undo = new AsyncDisposableStack()
    const network = undo.use(await openNetwork(`${CONTAINER}-network`))
    const dumps = undo.use(await network.open(`${CONTAINER}-1`))
    const restores = undo.use(await network.open(CONTAINER))
    await action({ dumps, restores })
  })

const prepareOn = (
  { dumps, restores }: Hosts,
  plan: Partial<CheckpointPlan> = {},
): Promise<PreparedCheckpoint> =>
  prepare(
    dumps,
    {
      filesystem: filesystem('ceph'),
      size: SIZE,
      handler: handlerNamed('native'),
      strategies: ['mapped', 'lazy', 'eager'].map(strategyNamed),
      containerName: CONTAINER,
      restoreOn: restores,
      network: dumps.network,
      iterations: 1,
      warmup: 0,
      ...plan,
    },
    () => {},
  )

/** Bytes that have come to `host` over its network: its interface is the one way from the cluster. */
async function received(host: Neighbour): Promise<number> {
  const interfaces = await readFile(hostPath(host, '/proc/1/net/dev'), 'utf8')
  return Number(/^\s*eth0:\s*(\d+)/m.exec(interfaces)?.[1])
}

describe('what was dumped on one host and is restored on another', { timeout: 120_000 }, () => {
  test('has its memory from the cluster: the first host is gone, and the second has it come in once', () =>
    onTwoHosts(async (hosts) => {
      const { dumps, restores } = hosts
      await using prepared = await prepareOn(hosts)
      expect((await readMounts(dumps)).filter(({ type }) => type === 'fuse.ceph-fuse')).toEqual([])
      await dumps[Symbol.asyncDispose]()
      for (const checkpoint of prepared.checkpoints) {
        const { strategy } = checkpoint.restorable
        expect(checkpoint.host).toBe(restores)
        await prepared.mounted.dropCache?.()
        const before = await received(restores)
        const { sample } = await runRestore(checkpoint)
        const cold = (await received(restores)) - before
        expect(sample.checksum).toBe(checkpoint.checksum)
        expect(cold, `${strategy}, by a client that has nothing`).toBeGreaterThanOrEqual(SIZE)
        // The same once more: the count can tell a cache from the cluster.
        await runRestore(checkpoint)
        const warm = (await received(restores)) - before - cold
        expect(warm, `${strategy}, by the client that has it`).toBeLessThan(SIZE / 8)
      }
    }))

  test('is refused on a filesystem that one host alone can mount', () =>
    onTwoHosts(async (hosts) => {
      expect(await messageOf(() => prepareOn(hosts, { filesystem: filesystem('tmpfs'), size: MB })))
        .toMatchInlineSnapshot(`
          "cannot restore on another host what was dumped to tmpfs
            found:    tmpfs, which no other host can mount
            expected: a shared filesystem
            fix:      VITEST_CRIU_FILESYSTEMS=ceph, or unset VITEST_CRIU_RESTORE_ON"
        `)
    }))
})
