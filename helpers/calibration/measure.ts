import { tmpfs } from '../filesystems/tmpfs.ts'
import { bandsOf, isSuspect, judgeAlone, judgeFamily, type Change, type Pair, type Sensitivity } from '../gate/change.ts' // prettier-ignore
import { sampledOf, type Sampled } from '../gate/sampled.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { medianOf } from '../stats/bootstrap.ts'
import { NoiseWatch } from '../measure/noise.ts'
import { openSandbox } from '../sandbox/sandbox.ts'
import { phaseOf } from '../../reports/timeline.ts'
import { DELAY_PLACES, type InjectedDelay } from '../restore/injected-delay.ts'
import { prepare, type DumpSample, type Prepared } from '../measure/prepare.ts'
import { strategyNamed } from '../strategies/index.ts'
import { runTrial, type Checkpoint } from '../restore/restore-run.ts'
import { isEnough, watchedTrial, type Effort, type WatchedSample } from '../measure/sampling.ts' // prettier-ignore
import type { Bytes } from '../units.ts'

/** Shares of the cold start that are planted. */
export const LEVELS = [0.05, 0.1, 0.2, 0.5] as const

/** All of a calibration has the same one. */
const CONTROL = 'control'

export interface CalibrationPlan extends Sensitivity, Effort {
  readonly sizes: readonly Bytes[]
  readonly containerName: string
}

/** One row of a run in which nothing was changed. */
export interface Unchanged {
  readonly size: Bytes
  readonly phase: 'cold start' | 'dump'
  readonly pair: Pair
  readonly change: Change
}

/** The verdict on a cold start in which a slow-down was planted. */
export interface Planted {
  readonly size: Bytes
  readonly where: InjectedDelay['where']
  /** Of the baseline's median. */
  readonly level: number
  readonly change: Change
}

export interface CalibrationRun {
  readonly unchanged: readonly Unchanged[]
  readonly planted: readonly Planted[]
}

/** A row before the rows of its run are judged together. */
type Row = Omit<Unchanged, 'change'>

/**
 * One run of calibration. For each size a baseline, and the same once more from a set-up of its own: mounted, started,
 * dumped and copied anew, in a sandbox of its own. At one size, another one each run, slow-downs are planted in one
 * place after that. All are judged as the gate does: what is suspect by itself is measured once more, and the rows of
 * a run are judged together.
 */
export async function calibrateOnce(run: number, plan: CalibrationPlan): Promise<CalibrationRun> {
  const rows: Row[] = []
  const plantedRows: Array<{ row: Row; where: InjectedDelay['where']; level: number }> = []
  const where = DELAY_PLACES[Math.floor(run / plan.sizes.length) % DELAY_PLACES.length] ?? 'launcher'
  for (const [index, size] of plan.sizes.entries()) {
    const before = await measured(size, plan, async (prepared, checkpoint) => ({
      dumps: sampledDumps(prepared.dumps),
      coldStarts: await coldStarts(checkpoint, plan),
    }))
    await measured(size, plan, async (prepared, checkpoint) => {
      const dumps = { before: before.dumps, now: sampledDumps(prepared.dumps), bands: bandsOf('dump') }
      rows.push({ size, phase: 'dump', pair: await confirmed(dumps, plan, async () => sampledDumps(await prepared.dumpAgain())) }) // prettier-ignore
      const plain = { before: before.coldStarts, now: await coldStarts(checkpoint, plan) }
      rows.push({ size, phase: 'cold start', pair: await confirmed(plain, plan, () => coldStarts(checkpoint, plan)) }) // prettier-ignore
      if (index !== run % plan.sizes.length) return
      for (const [level, pair] of await plantAll(checkpoint, before.coldStarts, where, plan))
        plantedRows.push({ row: { size, phase: 'cold start', pair }, where, level })
    })
  }
  const changes = judgeFamily(rows.map(({ pair }) => pair), plan) // prettier-ignore
  return {
    unchanged: rows.flatMap((row, index) => withChange(row, changes[index])),
    planted: plantedRows.flatMap(({ row, where: place, level }) => {
      // The one row is slower among those that are not: what is hardest to find.
      const family = rows.map((each) => (each.size === row.size && each.phase === row.phase ? row : each))
      const change = judgeFamily(family.map(({ pair }) => pair), plan)[family.indexOf(row)] // prettier-ignore
      return change ? [{ size: row.size, where: place, level, change }] : []
    }),
  }
}

const withChange = (row: Row, change: Change | undefined): Unchanged[] => (change ? [{ ...row, change }] : [])

/** Set-up from nothing, and all of it gone afterwards. */
async function measured<T>(
  size: Bytes,
  { iterations, time, containerName }: CalibrationPlan,
  action: (prepared: Prepared, checkpoint: Checkpoint) => Promise<T>,
): Promise<T> {
  await using sandbox = await openSandbox(containerName)
  const handler = handlerNamed('python')
  const strategies = [strategyNamed('mapped')]
  const plan = { filesystem: tmpfs, size, handler, strategies, containerName, iterations, time, warmup: 1 }
  await using prepared = await prepare(sandbox, plan, () => {})
  const [checkpoint] = prepared.checkpoints
  if (!checkpoint) throw new Error('a strategy without a checkpoint')
  await runTrial(checkpoint)
  return await action(prepared, checkpoint)
}

/** The cold starts of a suite, as the gate takes them. */
async function coldStarts(
  checkpoint: Checkpoint,
  effort: Effort,
  injectedDelay?: InjectedDelay,
): Promise<Sampled> {
  const watch = new NoiseWatch([checkpoint.host])
  const taken: WatchedSample[] = []
  const started = performance.now()
  while (!isEnough(taken.length, started, effort))
    taken.push(await watchedTrial(checkpoint, watch, injectedDelay ? { injectedDelay } : {}))
  return {
    samples: taken.map(({ points }) => phaseOf(points, 'cold start')),
    ...conditionsOf(taken, CONTROL),
  }
}

const sampledDumps = (dumps: readonly DumpSample[]): Sampled => ({
  samples: dumps.map(({ total }) => total),
  ...conditionsOf(dumps, CONTROL),
})

/** Each by itself, as a run that has become so much slower is measured. */
async function plantAll(
  checkpoint: Checkpoint,
  before: Sampled,
  where: InjectedDelay['where'],
  plan: CalibrationPlan,
): Promise<Array<[number, Pair]>> {
  const pairs: Array<[number, Pair]> = []
  for (const level of LEVELS) {
    const injectedDelay = { where, nanoseconds: Math.round(level * medianOf(before.samples) * 1e6) }
    const measure = () => coldStarts(checkpoint, plan, injectedDelay)
    pairs.push([level, await confirmed({ before, now: await measure() }, plan, measure)])
  }
  return pairs
}

/** As the gate does: what is suspect is measured once more, and judged by that alone. */
async function confirmed(pair: Pair, plan: CalibrationPlan, again: () => Promise<Sampled>): Promise<Pair> {
  return isSuspect(judgeAlone(pair, plan)) ? { ...pair, now: await again() } : pair
}
