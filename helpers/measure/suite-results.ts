import { samplesOf } from '../../reports/rows.ts'
import type { SuiteSamples, SampleResults, SuiteResults } from '../../reports/results.ts'
import type { MeasuredSuite } from '../gate/verdict.ts'
import type { BenchmarkCase } from '../matrix/benchmark-case.ts'
import { phasesOf } from '../matrix/phases.ts'
import { summarize } from '../stats/summary.ts'
import type { DumpSample } from './dumps.ts'
import type { MeasuredSample } from './restores.ts'
import type { RewriteSample } from './rewrites.ts'
import type { Measurement } from './session.ts'

/** The results of a suite in the form of results.json, before the gate judges them. */
export function measuredSuite(benchmarkCase: BenchmarkCase, measurement: Measurement): MeasuredSuite {
  const { title, label, filesystem, size, handler, strategy, cold } = benchmarkCase
  const { prepared, checkpoint, hosts } = measurement
  const { criu } = prepared
  const { mapped, copied, shared = 0, guard } = checkpoint.restorable
  const samples = measuredBy(measurement, benchmarkCase)
  return {
    title,
    label,
    filesystem: filesystem.name,
    size,
    strategy: strategy.name,
    handler: handler.name,
    ...(cold && { cold: true }),
    ...(hosts && { hosts }),
    mounted: prepared.mounted.description,
    ...(criu && {
      criu: {
        name: criu.name,
        version: criu.version,
        hash: criu.hash,
        dump: [...criu.dump],
        restore: [...criu.restore],
      },
    }),
    baseImage: prepared.baseImage,
    checksum: checkpoint.checksum,
    mapped,
    copied,
    ...(shared > 0 && { shared }),
    files: prepared.files,
    control: prepared.control,
    memoryControl: prepared.memoryControl,
    ...(guard && { guarded: { start: guard.start, end: guard.end, file: guard.file } }),
    ...samples,
    figures: figuresOf(samples, phasesOf(benchmarkCase)),
  }
}

function measuredBy({ prepared, samples }: Measurement, { strategy }: BenchmarkCase): SuiteSamples {
  const rewrites = prepared.rewrites.get(strategy)
  return {
    dumps: prepared.dumps.map(dumpResults),
    ...(rewrites && { rewrites: rewrites.map(rewriteResults) }),
    samples: samples.map(sampleResults),
  }
}

const figuresOf = (samples: SuiteSamples, phases: readonly string[]): MeasuredSuite['figures'] =>
  phases.map((phase) => ({
    phase,
    ...summarize(
      phase,
      samplesOf(samples, phase).map(({ duration }) => duration),
    ),
  }))

/** One suite from the same suite of several set-ups. Everything but samples and figures is that of the first one. */
export function joinSetUps(setUps: readonly MeasuredSuite[]): MeasuredSuite | undefined {
  const [first] = setUps
  if (!first) return undefined
  const samples = samplesOfSetUps(setUps)
  return {
    ...first,
    ...samples,
    figures: figuresOf(
      samples,
      first.figures.map(({ phase }) => phase),
    ),
  }
}

/** The samples of several set-ups, each with the number of its set-up. */
export function samplesOfSetUps(setUps: readonly SuiteSamples[]): SuiteSamples {
  const rewrites = setUps.flatMap((each, setUp) => numbered(each.rewrites ?? [], setUp))
  return {
    dumps: setUps.flatMap(({ dumps }, setUp) => numbered(dumps, setUp)),
    ...(rewrites.length > 0 && { rewrites }),
    samples: setUps.flatMap(({ samples }, setUp) => numbered(samples, setUp)),
  }
}

const numbered = <T extends object>(samples: readonly T[], setUp: number) =>
  samples.map((sample) => ({ ...sample, ...(setUp > 0 && { setUp }) }))

function dumpResults({
  total,
  wall,
  stats,
  stages,
  ...conditions
}: DumpSample): SuiteResults['dumps'][number] {
  return { total, wall, stats: { ...stats }, stages, ...stored(conditions) }
}

const rewriteResults = ({ wall, ...conditions }: RewriteSample) => ({ wall, ...stored(conditions) })

function sampleResults(sample: MeasuredSample): SampleResults {
  const { points, checksum, stats, stages, memory, guard, ...conditions } = sample
  return {
    points: storedPoints(points),
    checksum,
    stats: { ...stats },
    ...(stages && { stages }),
    ...stored(conditions),
    ...(guard && { guard }),
    ...(memory && { memory }),
  }
}

/** As decimal strings; those that may come at another moment are last. */
function storedPoints(points: MeasuredSample['points']): SampleResults['points'] {
  return {
    spawned: String(points.spawned),
    containerStarted: String(points.containerStarted),
    namespacesStarted: points.namespacesStarted?.toString(),
    mountsStarted: points.mountsStarted?.toString(),
    mountsEnded: points.mountsEnded?.toString(),
    restoreStarted: String(points.restoreStarted),
    handlerStarted: points.handlerStarted?.toString(),
    handlerEnded: String(points.handlerEnded),
    containerGone: String(points.containerGone),
    commandExecuted: points.commandExecuted?.toString(),
    drained: points.drained?.toString(),
    calledAgain: points.calledAgain?.toString(),
    answeredAgain: points.answeredAgain?.toString(),
  }
}

const stored = ({
  control,
  memoryControl,
  noise,
}: Pick<MeasuredSample, 'control' | 'memoryControl' | 'noise'>) => ({
  ...(control !== undefined && { control }),
  ...(memoryControl !== undefined && { memoryControl }),
  ...(noise && { noise: [...noise] }),
})
