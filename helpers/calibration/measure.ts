import { tmpfs } from '../filesystems/tmpfs.ts'
import { bandFactorOf, isSuspect, judgeAlone, judgeFamily, type Change, type Comparison, type Sensitivity } from '../gate/change.ts' // prettier-ignore
import { sampledOf, type Sampled } from '../gate/sampled.ts'
import { handlerNamed } from '../handlers/handler.ts'
import type { DumpSample } from '../measure/dumps.ts'
import { NoiseMonitor } from '../measure/noise.ts'
import { prepare, type PreparedCheckpoint } from '../measure/prepare.ts'
import { restoreSubject } from '../measure/restores.ts'
import { takeSamples, type Effort } from '../measure/sampler.ts'
import { dumpResults, sampleResults } from '../measure/suite-results.ts'
import { DELAY_PLACES, type InjectedDelay } from '../restore/injected-delay.ts'
import { runRestore } from '../restore/restore-run.ts'
import { openSandbox } from '../sandbox/sandbox.ts'
import { medianOf } from '../stats/bootstrap.ts'
import { strategyNamed } from '../strategies/index.ts'
import type { Bytes } from '../units.ts'

/** Injected delays, as shares of the cold start. */
export const DELAY_LEVELS = [0.05, 0.1, 0.2, 0.5] as const

/** The name of the control. All runs of a calibration use the same program. */
const CONTROL = 'control'

export interface CalibrationPlan extends Sensitivity, Omit<Effort, 'warmup'> {
  readonly sizes: readonly Bytes[]
  readonly containerName: string
}

/** One row of a run without an injected delay. */
export interface Unchanged {
  readonly size: Bytes
  readonly phase: 'cold start' | 'dump'
  readonly comparison: Comparison
  readonly change: Change
}

/** The verdict on a cold start with an injected delay. */
export interface Delayed {
  readonly size: Bytes
  readonly where: InjectedDelay['where']
  /** The delay as a share of the baseline's median. */
  readonly level: number
  readonly change: Change
}

export interface CalibrationRun {
  readonly unchanged: readonly Unchanged[]
  readonly delayed: readonly Delayed[]
}

/** A row before the rows of its run are judged together. */
type Row = Omit<Unchanged, 'change'>

/**
 * One run of the calibration. Each size gets a baseline and a second measurement, each with its own sandbox, mount,
 * dump and copy. Delays are then injected in one place and at one size, which change from run to run. All rows are
 * judged as the gate judges them: a suspected change is measured a second time, and the rows of a run are judged
 * together.
 */
export async function calibrateOnce(run: number, plan: CalibrationPlan): Promise<CalibrationRun> {
  const rows: Row[] = []
  const delayedRows: Array<{ row: Row; where: InjectedDelay['where']; level: number }> = []
  const where = DELAY_PLACES[Math.floor(run / plan.sizes.length) % DELAY_PLACES.length] ?? 'launcher'
  for (const [index, size] of plan.sizes.entries()) {
    const before = await withCheckpoint(size, plan, async (prepared) => ({
      dumps: sampledDumps(prepared.dumps),
      coldStarts: await coldStarts(prepared, plan),
    }))
    await withCheckpoint(size, plan, async (prepared) => {
      const dumps = {
        before: before.dumps,
        now: sampledDumps(prepared.dumps),
        bandFactor: bandFactorOf('dump'),
      }
      rows.push({ size, phase: 'dump', comparison: await confirm(dumps, plan, async () => sampledDumps(await prepared.dumpAgain())) }) // prettier-ignore
      const starts = { before: before.coldStarts, now: await coldStarts(prepared, plan) }
      rows.push({ size, phase: 'cold start', comparison: await confirm(starts, plan, () => coldStarts(prepared, plan)) }) // prettier-ignore
      if (index !== run % plan.sizes.length) return
      for (const [level, comparison] of await measureDelays(prepared, before.coldStarts, where, plan))
        delayedRows.push({ row: { size, phase: 'cold start', comparison }, where, level })
    })
  }
  const changes = judgeFamily(rows.map(({ comparison }) => comparison), plan) // prettier-ignore
  return {
    unchanged: rows.flatMap((row, index) => withChange(row, changes[index])),
    delayed: delayedRows.flatMap(({ row, where: place, level }) => {
      // A single slower row among unchanged rows is the hardest case to find.
      const family = rows.map((each) => (each.size === row.size && each.phase === row.phase ? row : each))
      const change = judgeFamily(family.map(({ comparison }) => comparison), plan)[family.indexOf(row)] // prettier-ignore
      return change ? [{ size: row.size, where: place, level, change }] : []
    }),
  }
}

const withChange = (row: Row, change: Change | undefined): Unchanged[] => (change ? [{ ...row, change }] : [])

/** Sets up a checkpoint in its own sandbox, runs `action` with it, and removes everything. */
async function withCheckpoint<T>(
  size: Bytes,
  { iterations, time, containerName }: CalibrationPlan,
  action: (prepared: PreparedCheckpoint) => Promise<T>,
): Promise<T> {
  await using sandbox = await openSandbox(containerName)
  const handler = handlerNamed('python')
  const strategies = [strategyNamed('mapped')]
  const plan = { filesystem: tmpfs, size, handler, strategies, containerName, iterations, time, warmup: 1 }
  await using prepared = await prepare(sandbox, plan, () => {})
  for (const checkpoint of prepared.checkpoints) await runRestore(checkpoint)
  return await action(prepared)
}

/** Measures cold starts as a suite does, and returns them in the form that the gate compares. */
async function coldStarts(
  { checkpoints, mounted }: PreparedCheckpoint,
  plan: CalibrationPlan,
  injectedDelay?: InjectedDelay,
): Promise<Sampled> {
  const options = injectedDelay ? { injectedDelay } : {}
  const subjects = checkpoints.map((checkpoint) => restoreSubject(checkpoint, mounted, options))
  const monitor = new NoiseMonitor(checkpoints.map(({ host }) => host))
  const [samples = []] = await takeSamples(subjects, { ...plan, warmup: 0 }, monitor)
  return sampledOf({ dumps: [], samples: samples.map(sampleResults), control: CONTROL }, 'cold start')
}

const sampledDumps = (dumps: readonly DumpSample[]): Sampled =>
  sampledOf({ dumps: dumps.map(dumpResults), samples: [], control: CONTROL }, 'dump')

/** Measures a cold start with each delay in turn, as if a run had become slower by so much. */
async function measureDelays(
  prepared: PreparedCheckpoint,
  before: Sampled,
  where: InjectedDelay['where'],
  plan: CalibrationPlan,
): Promise<Array<[number, Comparison]>> {
  const comparisons: Array<[number, Comparison]> = []
  for (const level of DELAY_LEVELS) {
    const injectedDelay = { where, nanoseconds: Math.round(level * medianOf(before.samples) * 1e6) }
    const measure = () => coldStarts(prepared, plan, injectedDelay)
    comparisons.push([level, await confirm({ before, now: await measure() }, plan, measure)])
  }
  return comparisons
}

/** Measures a suspected change a second time, as the gate does; only the second measurement is then judged. */
async function confirm(
  comparison: Comparison,
  plan: CalibrationPlan,
  again: () => Promise<Sampled>,
): Promise<Comparison> {
  return isSuspect(judgeAlone(comparison, plan)) ? { ...comparison, now: await again() } : comparison
}
