/**
 * How many starts a second does this machine reach, and how long does each take then? Lean containers alone, and full
 * restores. First as many at once as there are slots (a closed loop); then at shares of the highest rate, whether or not
 * earlier starts have ended (an open loop): a latency counts from when the start was due.
 */
import { availableParallelism } from 'node:os'
import { describe, expect, test, type TestContext } from 'vitest'
import { MB } from '../helpers/index.ts'
import { fixture } from '../helpers/installation/paths.ts'
import { compile } from '../helpers/programs/compile.ts'
import { reportSideBySide } from '../helpers/plugin/side-by-side.ts'
import { openSandbox, type Sandbox } from '../helpers/sandbox/sandbox.ts'
import { medianOf } from '../helpers/stats/bootstrap.ts'
import type { SideBySide, SideBySideValue } from '../reports/side-by-side.ts'
import { checkpointIn } from './checkpoint.ts'
import { applyLoad, type Load, type LoadResult } from './load/load.ts'
import { leanContainers, restores, type Startable } from './load/startable.ts'
import { openSite } from './site.ts'

const AT_ONCE = [1, 2, 4, 8, 16, 32]
const MOST = Math.max(...AT_ONCE)
const SHARES = [0.25, 0.5, 0.75, 0.9]
/** Rounds of all loads: those that are compared lie minutes apart, and each figure is the median of the rounds. */
const ROUNDS = 3
const STARTS = 300

/** A load with its result in each round. */
interface Row {
  readonly name: string
  readonly rounds: LoadResult[]
}

/** Applies the loads in turn, round by round. */
async function applyInTurn(startable: Startable, loads: ReadonlyMap<string, Load>): Promise<Row[]> {
  const rows = [...loads].map(([name, load]) => ({ name, load, rounds: [] as LoadResult[] }))
  for (let round = 1; round <= ROUNDS; round++) {
    for (const { name, load, rounds } of rows) {
      console.error(`▸ ${startable.name}, ${name}: round ${round}/${ROUNDS}`)
      rounds.push(await applyLoad(startable, load))
    }
  }
  return rows
}

/** The median of the rounds, with their range. */
function overRounds({ rounds }: Row, figure: (each: LoadResult) => number): SideBySideValue {
  const values = rounds.map(figure)
  return { value: medianOf(values), interval: [Math.min(...values), Math.max(...values)], n: values.length }
}
const rateOf = (row: Row): number => overRounds(row, ({ rate }) => rate).value
const atRank =
  (share: number) =>
  ({ latencies }: LoadResult): number =>
    latencies[Math.ceil(share * latencies.length) - 1] ?? Number.NaN

const FIGURES: ReadonlyArray<readonly [string, string, (each: LoadResult) => number]> = [
  ['starts', '1/s', ({ rate }) => rate],
  ['p50', 'ms', atRank(0.5)],
  ['p95', 'ms', atRank(0.95)],
  ['p99', 'ms', atRank(0.99)],
  ['user time of a start', 'ms', ({ user }) => user],
  ['system time', 'ms', ({ system }) => system],
  [
    'processors busy',
    '%',
    ({ rate, user, system }) => ((user + system) * rate) / 10 / availableParallelism(),
  ],
]

const NOTE = `Medians of ${ROUNDS} rounds of ${STARTS} starts, with the range of the rounds. A latency counts from when the start was due.`

const tableOf = (title: string, rows: readonly Row[]): SideBySide => ({
  title,
  note: NOTE,
  columns: FIGURES.map(([name, unit]) => ({ name, unit })),
  rows: rows.map((row) => ({
    name: row.name,
    values: FIGURES.map(([, , figure]) => overRounds(row, figure)),
  })),
})

/** Both loops, as tables; returns the highest rate, and p99 at three quarters of it over p50 alone. */
async function measure(
  context: Pick<TestContext, 'task'>,
  startable: Startable,
): Promise<{ peak: number; tail: number }> {
  const closed = await applyInTurn(
    startable,
    new Map(AT_ONCE.map((slots) => [`${slots} at once`, { slots, starts: STARTS }])),
  )
  reportSideBySide(context, tableOf(`${startable.name}, at once`, closed))
  const peak = Math.max(...closed.map(rateOf))
  const due = SHARES.map((share): [string, Load] => [
    `${100 * share} % of ${peak.toFixed(0)}/s`,
    { slots: MOST, starts: STARTS, rate: share * peak },
  ])
  const open = await applyInTurn(startable, new Map(due))
  reportSideBySide(context, tableOf(`${startable.name}, due at a rate`, open))
  const [alone] = closed
  const busy = open[SHARES.indexOf(0.75)]
  if (!alone || !busy) throw new Error('no load was applied')
  return { peak, tail: overRounds(busy, atRank(0.99)).value / overRounds(alone, atRank(0.5)).value }
}

const inSandbox = async (action: (sandbox: Sandbox) => Promise<void>): Promise<void> => {
  await using sandbox = await openSandbox(`vitest-criu-throughput-${process.pid}`, {
    furtherContainers: MOST,
  })
  await action(sandbox)
}

describe('throughput', () => {
  test('lean containers', (context) =>
    inSandbox(async (sandbox) => {
      const { root } = await openSite(sandbox, [await compile(fixture('load/nothing.c'))])
      const { peak } = await measure(context, await leanContainers(sandbox, root))
      expect(peak).toBeGreaterThan(0)
    }))

  test.for([16, 64])('restores of %iMB', (megabytes, context) =>
    inSandbox(async (sandbox) => {
      await using prepared = await checkpointIn(sandbox, { size: megabytes * MB, strategies: ['mapped'] })
      const { peak, tail } = await measure(context, await restores(`restores of ${megabytes}MB, mapped`, sandbox, prepared, MOST)) // prettier-ignore
      expect(peak).toBeGreaterThanOrEqual(125 * availableParallelism())
      expect(tail).toBeLessThanOrEqual(3)
    }),
  )
})
