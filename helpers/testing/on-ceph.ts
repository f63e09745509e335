import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { z } from 'zod'
import { ceph, sharedCluster } from '../filesystems/ceph/ceph.ts'
import { mountClient, type Client } from '../filesystems/ceph/client.ts'
import { Cluster, type ClusterRequest } from '../filesystems/ceph/cluster.ts'
import { closeFilesystems } from '../filesystems/index.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { hostPath } from '../host/host.ts'
import { openSandbox, type Sandbox } from '../sandbox/sandbox.ts'
import { prepare, type CheckpointPlan, type PreparedCheckpoint } from '../measure/prepare.ts'
import { strategyNamed } from '../strategies/index.ts'
import { runRestore } from '../restore/restore-run.ts'
import { MB } from '../units.ts'
import { expectNothingLeft } from './leaks.ts'

const NAME = `vitest-criu-test-${process.pid}`

/** Runs `action` of a test in a sandbox, ends the cluster after it, and expects nothing left. */
export const onCeph = (action: (sandbox: Sandbox) => Promise<void>): Promise<void> =>
  // The action of a test that has timed out goes on. It ends with its sandbox, before the next test begins.
  inSandbox(action, (undo) => onTestFinished(() => undo.disposeAsync()))

/** The same for the tests of a suite, in its `aroundAll`. */
export const suiteOnCeph = (action: (sandbox: Sandbox) => Promise<void>): Promise<void> => inSandbox(action)

const inSandbox = (
  action: (sandbox: Sandbox) => Promise<void>,
  opening?: (undo: AsyncDisposableStack) => void,
): Promise<void> =>
  expectNothingLeft(async () => {
    await using undo = new AsyncDisposableStack()
    undo.defer(closeFilesystems)
    opening?.(undo)
    const sandbox = undo.use(await openSandbox(NAME))
    await action(sandbox)
  })

/** A small checkpoint on ceph, for mapped and eager restores. */
export function prepareOnCeph(
  sandbox: Sandbox,
  plan: Partial<CheckpointPlan> = {},
  progress: (line: string) => void = () => {},
): Promise<PreparedCheckpoint> {
  const defaults = {
    filesystem: ceph,
    size: 4 * MB,
    handler: handlerNamed('native'),
    strategies: [strategyNamed('mapped'), strategyNamed('eager')],
    containerName: NAME,
    iterations: 1,
    warmup: 0,
  }
  return prepare(sandbox, { ...defaults, ...plan }, progress)
}

/** Restores with each strategy, warm and cold; a wrong checksum fails. Returns the number of restores. */
export async function restoreAll({ checkpoints, mounted }: PreparedCheckpoint): Promise<number> {
  for (const checkpoint of checkpoints) {
    await runRestore(checkpoint)
    await mounted.dropCache?.()
    await runRestore(checkpoint)
  }
  return checkpoints.length * 2
}

/** The test cluster that this process uses. */
export async function clusterInUse(): Promise<Cluster> {
  const cluster = await sharedCluster()
  if (!cluster) throw new Error('no cluster is running')
  return cluster
}

/** A cluster that no suite uses by default, like a user's own. */
export const startCluster = (request: Partial<ClusterRequest> = {}): Promise<Cluster> =>
  Cluster.start({ store: 'memstore', capacity: 1024 * MB, progress: () => {}, ...request })

/** Mounts the whole file system of a cluster on `point`, as its administrator. */
export async function mountWhole(cluster: Cluster, sandbox: Sandbox, point: string): Promise<Client> {
  await mkdir(hostPath(sandbox, point), { recursive: true })
  return mountClient(sandbox, cluster.access, '/', point)
}

const Keys = z.array(z.object({ key: z.string() }))

/** conf and keyring of a user who may only use `path` of a cluster, as an administrator would create them. */
export async function accessFiles(
  cluster: Cluster,
  folder: string,
  user: string,
  path: string,
  rights: readonly string[] = ['rw'],
) {
  const words = { filesystem: 'vitest-criu', entity: `client.${user}`, caps: [path, ...rights] }
  const [entry] = Keys.parse(JSON.parse(await cluster.command('fs authorize', words)))
  const conf = join(folder, 'ceph.conf')
  const keyring = join(folder, `ceph.client.${user}.keyring`)
  await writeFile(conf, cluster.access.conf)
  await writeFile(keyring, `[client.${user}]\n\tkey = ${entry?.key}\n`, { mode: 0o600 })
  return { conf, keyring, user, path, client: 'auto' as const }
}
