import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { StartedHandler } from '../checkpoint/further-files.ts'
import type { Rootfs } from '../checkpoint/rootfs.ts'
import { hostPath, type Host } from '../host/host.ts'
import type { Strategy } from '../strategies/index.ts'
import { formatMilliseconds, type Milliseconds } from '../units.ts'
import { NoiseMonitor } from './noise.ts'
import { takeSamples, type Conditions, type Effort, type Subject } from './sampler.ts'

/** One rewrite of a dump for a strategy. */
export interface RewriteSample extends Conditions {
  readonly wall: Milliseconds
}

export interface RewriteTarget {
  readonly strategy: Strategy
  readonly host: Host
  readonly rootfs: Rootfs
  readonly origin: StartedHandler
  /** The host of the filesystem's servers, if this run started them. */
  readonly servers: Host | undefined
}

/** Rewrites a dump repeatedly, each time to a new `folder` of the rootfs. The last one stays. */
export async function takeRewrites(
  { strategy, host, rootfs, origin, servers }: RewriteTarget,
  folder: string,
  effort: Effort,
  progress: (line: string) => void,
): Promise<RewriteSample[]> {
  const subject: Subject<{ wall: Milliseconds }> = {
    noun: 'rewrite',
    // The test cluster's servers are still flushing the previous rewrite, so a control would be disturbed.
    control: servers ? undefined : { host, size: origin.size },
    // Its memory would be freed in the middle of the next rewrite, and the filesystem has no room for both.
    setUp: () => rm(hostPath(host, join(rootfs.path, folder)), { recursive: true, force: true }),
    measure: async () => {
      const start = performance.now()
      await strategy.prepare(host, rootfs, origin)
      return { wall: performance.now() - start }
    },
    progress: (which, { wall }) => progress(`${which}: ${formatMilliseconds(wall)} ms`),
  }
  const monitor = new NoiseMonitor([host, ...(servers ? [servers] : [])])
  const [rewrites = []] = await takeSamples([subject], effort, monitor)
  return rewrites
}
