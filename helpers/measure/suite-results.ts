import type { FigureResults, SampleResults, SuiteResults } from '../../reports/results.ts'
import type { Settings } from '../config/options.ts'
import { toleranceOf } from '../config/settings.ts'
import { hasTmpfsComparison, judgeByTmpfs, remember } from '../gate/tmpfs-comparison.ts'
import { judge } from '../gate/verdict.ts'
import { summarize } from '../stats/summary.ts'
import { nanosecondsOf, phaseOf, phasesFor, type Phase } from '../../reports/timeline.ts'
import type { DumpSample } from './prepare.ts'
import { drainOf } from '../restore/restore-run.ts'
import type { WatchedSample } from './sampling.ts'
import { formatSize } from '../units.ts'
import type { SuiteRun } from '../plugin/suite-run.ts'
import type { Measured } from './session.ts'
import type { Cell } from '../matrix/matrix.ts'

declare module 'vitest' {
  interface TaskMeta {
    /** On a suite: all that its run measured, for the reporter. */
    criu?: SuiteResults
    /** On a phase's test: its figure and its samples in ms, for reporters that see tests alone, as vitest's JSON does. */
    criuPhase?: PhaseMeta
  }
}

export interface PhaseMeta extends FigureResults {
  readonly filesystem: string
  /** Bytes. */
  readonly size: number
  readonly strategy: string
  readonly handler: string
  readonly samples: readonly number[]
}

/** Everything a suite measured, as samples for the provider and as a record for the reports. */
export function suiteRun(cell: Cell, measured: Measured, settings: Settings): SuiteRun {
  const { prepared, checkpoint } = measured
  const fromScratch = checkpoint.restorable.fromScratch === true
  const phases = phasesFor(checkpoint.handler, fromScratch)
  const samples = new Map<string, number[]>()
  if (!fromScratch) samples.set('dump', prepared.dumps.map(({ total }) => total)) // prettier-ignore
  for (const phase of phases) samples.set(phase, measured.samples.map(({ points }) => phaseOf(points, phase))) // prettier-ignore
  const drains = measured.samples.flatMap((sample) => drainOf(sample) ?? [])
  if (drains.length > 0) samples.set('drain', drains)
  const { restoreOn: _on, link: _link, ...subject } = cell
  const record: SuiteResults = {
    ...subject,
    ...(measured.hosts && { hosts: measured.hosts }),
    label: checkpoint.handler.memory === undefined ? formatSize(cell.size) : cell.handler,
    mounted: prepared.mounted.description,
    baseImage: prepared.baseImage,
    checksum: checkpoint.checksum,
    mapped: checkpoint.restorable.mapped,
    copied: checkpoint.restorable.copied,
    control: prepared.control,
    ...(checkpoint.restorable.guard && { guarded: checkpoint.restorable.guard }),
    figures: [...samples].map(([phase, durations]) => figure(cell, phase, durations, settings)),
    dumps: prepared.dumps.map(dumpRecord),
    samples: sampleRecords(measured),
  }
  return { samples, record }
}

/** Samples as the reports have them. */
export function sampleRecords({
  checkpoint,
  samples,
}: Pick<Measured, 'checkpoint' | 'samples'>): SampleResults[] {
  const phases = phasesFor(checkpoint.handler, checkpoint.restorable.fromScratch === true)
  return samples.map((sample) => sampleRecord(sample, phases))
}

function figure(cell: Cell, phase: string, durations: readonly number[], settings: Settings): FigureResults {
  const summary = summarize(phase, durations)
  const measured = { ...cell, phase, ...summary }
  const byReference = judge(measured, toleranceOf(settings))
  remember(measured)
  if (byReference.state !== 'ungated' || !hasTmpfsComparison(cell))
    return { phase, ...summary, ...byReference }
  return { phase, ...summary, ...(judgeByTmpfs(measured, settings.ratios) ?? byReference) }
}

export const dumpRecord = ({
  total,
  wall,
  stats,
  control,
  noise,
}: DumpSample): SuiteResults['dumps'][number] => ({
  total,
  wall,
  stats: { ...stats },
  ...(control !== undefined && { control }),
  ...(noise && { noise: [...noise] }),
})

function sampleRecord(sample: WatchedSample, phases: readonly Phase[]): SampleResults {
  const { points, checksum, stats, memory, guard, drained, control, noise } = sample
  const { s, a, b, c, d, e } = points
  return {
    points: {
      s: String(s),
      a: String(a),
      b: String(b),
      ...(c !== undefined && { c: String(c) }),
      d: String(d),
      e: String(e),
    },
    nanoseconds: Object.fromEntries(phases.map((phase) => [phase, String(nanosecondsOf(points, phase))])),
    checksum,
    stats: { ...stats },
    ...(control !== undefined && { control }),
    ...(noise && { noise: [...noise] }),
    ...(drained !== undefined && { drained: String(drained) }),
    ...(guard && { guard }),
    ...(memory && { memory }),
  }
}
