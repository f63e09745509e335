import { z } from 'zod'
import { CriuBenchError } from '../../errors.ts'
import type { Administered, Kind } from './daemons.ts'

/** Of `ceph status --format json`: what tells whether files can be written. */
const Status = z.object({
  osdmap: z.object({ num_up_osds: z.int() }),
  pgmap: z.object({
    num_pgs: z.int(),
    pgs_by_state: z.array(z.object({ state_name: z.string(), count: z.int() })),
  }),
  mgrmap: z.object({ available: z.boolean() }),
  fsmap: z.object({ by_rank: z.array(z.object({ status: z.string() })) }),
})
type Status = z.infer<typeof Status>

interface Condition {
  readonly awaited: string
  readonly of: Kind
  readonly met: (status: Status) => boolean
}

/** In the order in which they come true. */
const CONDITIONS: readonly Condition[] = [
  { awaited: 'the OSD to be up', of: 'osd', met: ({ osdmap }) => osdmap.num_up_osds === 1 },
  {
    awaited: 'the MDS to be active',
    of: 'mds',
    met: ({ fsmap }) => fsmap.by_rank.some(({ status }) => status === 'up:active'),
  },
  { awaited: 'the manager to be available', of: 'mgr', met: ({ mgrmap }) => mgrmap.available },
  {
    awaited: 'all placement groups to be active',
    of: 'osd',
    met: ({ pgmap }) =>
      pgmap.num_pgs > 0 &&
      pgmap.pgs_by_state.every(({ state_name: state }) => state.split('+').includes('active')),
  },
]

const LIMIT = 60_000

/** Waits until files can be written, and says what it waits for. Throws CriuBenchError with that and the daemon's log. */
export async function untilHealthy(cluster: Administered, progress: (line: string) => void): Promise<void> {
  const deadline = performance.now() + LIMIT
  let told = ''
  for (;;) {
    const status = Status.parse(JSON.parse(await cluster.command('status')))
    const condition = CONDITIONS.find(({ met }) => !met(status))
    if (!condition) return
    if (condition.awaited !== told) progress(`waiting for ${condition.awaited}`)
    told = condition.awaited
    if (performance.now() < deadline) continue
    throw new CriuBenchError({
      failed: `the test cluster did not get healthy: waited for ${condition.awaited}`,
      found: JSON.stringify(status),
      expected: `that within ${LIMIT / 1000} s`,
      fix: `look at the last lines of ceph-${condition.of} below`,
      log: await cluster.log(condition.of),
    })
  }
}
