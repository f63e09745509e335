/**
 * How many starts a second does this machine carry, and how long does each take then? Lean containers alone, and full
 * restores. First as many at once as there are slots (a closed loop); then at shares of the highest rate, whether or not
 * earlier starts have ended (an open loop): a latency counts from when the start was due.
 */
import { availableParallelism } from 'node:os'
import { markdownTable } from 'markdown-table'
import { describe, expect, test } from 'vitest'
import { MB } from '../helpers/index.ts'
import { fixture } from '../helpers/installation/paths.ts'
import { compile } from '../helpers/programs/compile.ts'
import { openSandbox, type Sandbox } from '../helpers/sandbox/sandbox.ts'
import { medianOf } from '../helpers/stats/bootstrap.ts'
import { checkpointOf } from './peers/own.ts'
import { openSite } from './peers/site.ts'
import { apply, containers, restores, type Carried, type Load, type Starts } from './throughput/load.ts'

const AT_ONCE = [1, 2, 4, 8, 16, 32]
const MOST = Math.max(...AT_ONCE)
const SHARES = [0.25, 0.5, 0.75, 0.9]
/** Rounds of all loads: those that are compared lie minutes apart, and each figure is the median of the rounds. */
const ROUNDS = 3
const STARTS = 300

interface Row {
  readonly name: string
  readonly rounds: readonly Carried[]
}

/** Applies the loads in turn, round by round. */
async function carried(starts: Starts, loads: ReadonlyMap<string, Load>): Promise<Row[]> {
  const rounds: Carried[][] = []
  for (let round = 0; round < ROUNDS; round++) {
    const results: Carried[] = []
    for (const [name, load] of loads) {
      console.error(`▸ ${starts.name}, ${name}: round ${round + 1}/${ROUNDS}`)
      results.push(await apply(starts, load))
    }
    rounds.push(results)
  }
  return [...loads.keys()].map((name, index) => ({
    name,
    rounds: rounds.flatMap((each) => each[index] ?? []),
  }))
}

const overRounds = ({ rounds }: Row, figure: (each: Carried) => number): number =>
  medianOf(rounds.map(figure))
const rateOf = (row: Row): number => overRounds(row, ({ rate }) => rate)
const latencyOf = (row: Row, share: number): number =>
  overRounds(row, ({ latencies }) => latencies[Math.ceil(share * latencies.length) - 1] ?? Number.NaN)

function table(title: string, rows: readonly Row[]): string {
  const cells = rows.map((row) => {
    const [user, system] = [overRounds(row, (each) => each.user), overRounds(row, (each) => each.system)]
    const busy = ((user + system) * rateOf(row)) / 1000 / availableParallelism()
    return [row.name, rateOf(row).toFixed(0), ...[0.5, 0.95, 0.99].map((share) => latencyOf(row, share).toFixed(1)),
      user.toFixed(2), system.toFixed(2), `${(100 * busy).toFixed(0)} %`] // prettier-ignore
  })
  const header = [title, 'starts/s', 'p50, ms', 'p95', 'p99', 'user, ms', 'system, ms', 'processors']
  return markdownTable([header, ...cells], { align: ['l', ...header.slice(1).map(() => 'r' as const)] })
}

/** Both loops, as tables; returns the highest rate, and p99 at three quarters of it over p50 alone. */
async function measure(starts: Starts): Promise<{ peak: number; tail: number }> {
  const closed = await carried(
    starts,
    new Map(AT_ONCE.map((slots) => [`${slots} at once`, { slots, starts: STARTS }])),
  )
  console.log(table(starts.name, closed))
  const peak = Math.max(...closed.map(rateOf))
  const open = await carried(
    starts,
    new Map(
      SHARES.map((share) => [
        `${100 * share} % of ${peak.toFixed(0)}/s`,
        { slots: MOST, starts: STARTS, rate: share * peak },
      ]),
    ),
  )
  console.log(table(`${starts.name}, due at a rate`, open))
  const [alone, , , , ,] = closed
  const busy = open[SHARES.indexOf(0.75)]
  return { peak, tail: alone && busy ? latencyOf(busy, 0.99) / latencyOf(alone, 0.5) : Number.NaN }
}

const inSandbox = async (action: (sandbox: Sandbox) => Promise<void>): Promise<void> => {
  await using sandbox = await openSandbox(`vitest-criu-throughput-${process.pid}`, {
    furtherContainers: MOST,
  })
  await action(sandbox)
}

describe('throughput', () => {
  test('lean containers', () =>
    inSandbox(async (sandbox) => {
      const { root } = await openSite(sandbox, [await compile(fixture('load/nothing.c'))])
      const { peak } = await measure(await containers(sandbox, root))
      expect(peak).toBeGreaterThan(0)
    }))

  test.for([16, 64])('restores of %iMB', (megabytes) =>
    inSandbox(async (sandbox) => {
      await using prepared = await checkpointOf(sandbox, megabytes * MB)
      const mapped = prepared.checkpoints.find(({ restorable }) => restorable.strategy === 'mapped')
      if (!mapped) throw new Error('no checkpoint')
      const { peak, tail } = await measure(await restores(`restores of ${megabytes}MB, mapped`, sandbox, mapped, MOST)) // prettier-ignore
      expect(peak).toBeGreaterThanOrEqual(125 * availableParallelism())
      expect(tail).toBeLessThanOrEqual(3)
    }),
  )
})
