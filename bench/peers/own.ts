/** What the others are compared with: the lean container and its restores, and CRIU without a container. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { restoreCommand } from '../../helpers/criu/restore.ts'
import { filesystem } from '../../helpers/filesystems/index.ts'
import { handlerNamed } from '../../helpers/handlers/handler.ts'
import { hostPath } from '../../helpers/host/host.ts'
import { fixture } from '../../helpers/installation/paths.ts'
import { prepare, type PreparedCheckpoint } from '../../helpers/measure/prepare.ts'
import { compile } from '../../helpers/programs/compile.ts'
import { runRestore, type Checkpoint } from '../../helpers/restore/restore-run.ts'
import type { Sandbox } from '../../helpers/sandbox/sandbox.ts'
import { strategyNamed } from '../../helpers/strategies/index.ts'
import type { Bytes } from '../../helpers/units.ts'
import {
  command,
  layOut,
  ready,
  restoreOf,
  startOf,
  stopwatch,
  timesIn,
  type Measure,
  type Peer,
} from './peer.ts'

export const leanContainer: Peer = {
  name: 'lean container',
  isolation: 'pid, mount, ipc, uts; cgroup',
  needs: {},
  async start(site, args) {
    const launcher = await compile(fixture('programs/lean-container'))
    return startOf(site, [launcher, '--read-only', '--', site.sandbox.containerName, site.root, ...args])
  },
}

/** A checkpoint of the native handler, ready to be restored by each strategy. */
export const checkpointOf = (sandbox: Sandbox, size: Bytes): Promise<PreparedCheckpoint> =>
  prepare(
    sandbox,
    {
      filesystem: filesystem('tmpfs'),
      size,
      handler: handlerNamed('native'),
      strategies: ['mapped', 'lazy', 'eager'].map(strategyNamed),
      containerName: sandbox.containerName,
      iterations: 1,
      warmup: 0,
    },
    (line) => console.error(`▸ ${line}`),
  )

/** A restore as every other bench measures it, but from the start of the launcher's process. */
export async function restoreBy(checkpoint: Checkpoint): Promise<Measure> {
  const { host } = checkpoint
  const timedHost = { ...host, namespacePrefix: [...host.namespacePrefix, await stopwatch()] }
  return async () => {
    const { sample, output } = await runRestore({ ...checkpoint, host: timedHost })
    return Number(sample.points.handlerEnded - timesIn(output.launcher).started) / 1e6
  }
}

export const criuAlone: Peer = {
  name: 'CRIU alone',
  isolation: 'none',
  needs: {},
  async restore(site, restored) {
    const images = join(site.folder, 'criu-images')
    await mkdir(hostPath(site.sandbox, images))
    await layOut(site, '0')
    const started = await command(site, ['sh', '-c', 'setsid "$@" </dev/null >/dev/null 2>&1 & echo $!', 'sh', ...restored.command]) // prettier-ignore
    await ready(site)
    await command(site, [site.criu, 'dump', '--tree', started.stdout.trim(), '--images-dir', images, '--no-default-config', '--manage-cgroups=ignore']) // prettier-ignore
    return restoreOf(site, restored, restoreCommand({ criu: [site.criu] }, images, images))
  },
}
