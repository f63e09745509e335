import { z } from 'zod'
import { waitFor } from '../../process/wait.ts'
import type { Administered, Kind } from './daemons.ts'

/** The parts of `ceph status --format json` that tell whether files can be written. */
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

/** What does not need the manager, in the order in which it is met. */
export const BEFORE_MANAGER: readonly Condition[] = [
  { awaited: 'the OSD to be up', of: 'osd', met: ({ osdmap }) => osdmap.num_up_osds === 1 },
  {
    awaited: 'the MDS to be active',
    of: 'mds',
    met: ({ fsmap }) => fsmap.by_rank.some(({ status }) => status === 'up:active'),
  },
]

/** In the order in which they are met. */
const CONDITIONS: readonly Condition[] = [
  ...BEFORE_MANAGER,
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
/** Milliseconds: each look takes the monitor about one. */
const INTERVAL = 20

/** Waits until files can be written and reports what it waits for. Throws CriuBenchError with the daemon's log. */
export async function untilHealthy(
  cluster: Administered,
  progress: (line: string) => void,
  conditions: readonly Condition[] = CONDITIONS,
): Promise<void> {
  let status: Status | undefined
  let unmet: Condition | undefined
  const isHealthy = async (): Promise<boolean> => {
    status = Status.parse(JSON.parse(await cluster.command('status')))
    const next = conditions.find(({ met }) => status && !met(status))
    if (next && next !== unmet) progress(`waiting for ${next.awaited}`)
    unmet = next
    return next === undefined
  }
  await waitFor(isHealthy, {
    failed: 'the test cluster did not get healthy',
    found: () => `still waiting for ${unmet?.awaited}: ${JSON.stringify(status)}`,
    expected: 'a cluster that takes writes',
    fix: `look at the last lines of the daemon's log below`,
    log: () => (unmet ? cluster.log(unmet.of) : ''),
    limit: LIMIT,
    interval: INTERVAL,
  })
}
