/** What the peers are compared with: the lean container, and restores in it. */
import { fixture } from '../../helpers/installation/paths.ts'
import { compile } from '../../helpers/programs/compile.ts'
import { runRestore, type Checkpoint } from '../../helpers/restore/restore-run.ts'
import type { Peer } from './peer.ts'
import { startOf, stopwatch, timesIn, type Measure } from './sample.ts'

export const leanContainer: Peer = {
  name: 'lean container',
  isolation: 'pid, mount, ipc, uts; cgroup',
  needs: {},
  async start(site, args) {
    const launcher = await compile(fixture('programs/lean-container'))
    return startOf(site, [launcher, '--read-only', '--', site.sandbox.containerName, site.root, ...args])
  },
}

/** A restore as every other bench measures it, but from the start of the launcher's process. */
export async function restoreBy(checkpoint: Checkpoint): Promise<Measure> {
  const { host } = checkpoint
  const timedHost = { ...host, namespacePrefix: [...host.namespacePrefix, await stopwatch()] }
  return async () => {
    const { sample, output } = await runRestore({ ...checkpoint, host: timedHost })
    return Number(sample.points.handlerEnded - timesIn(output.launcher).started) / 1e6
  }
}
