import type { FigureResults, SuiteResults } from '../../reports/results.ts'
import { toleranceOf } from '../config/settings.ts'
import type { Settings } from '../config/options.ts'
import { judge } from '../gate/verdict.ts'
import { summarize } from '../stats/summary.ts'
import { nanosecondsOf, PHASES, phaseOf } from '../trial/phases.ts'
import type { Prepared } from '../trial/prepare.ts'
import type { Sample } from '../trial/trial.ts'
import { formatSize } from '../units.ts'
import type { SuiteRun } from './body.ts'
import type { Pair } from './suite.ts'

declare module 'vitest' {
  interface TaskMeta {
    /** On a suite: all that its run measured, for the reporter. */
    criu?: SuiteResults
  }
}

/** Everything a suite measured, as samples for the provider and as a record for the reports. */
export function suiteRun(
  pair: Pair,
  prepared: Prepared,
  trials: readonly Sample[],
  settings: Settings,
): SuiteRun {
  const samples = new Map<string, number[]>([['dump', prepared.dumps.map(({ total }) => total)]])
  for (const phase of PHASES) samples.set(phase, trials.map(({ points }) => phaseOf(points, phase))) // prettier-ignore
  const record: SuiteResults = {
    title: pair.title,
    filesystem: pair.filesystem,
    mounted: prepared.mounted,
    size: pair.size,
    label: formatSize(pair.size),
    handler: settings.handler,
    baseImage: prepared.baseImage,
    checksum: prepared.checkpoint.checksum,
    figures: [...samples].map(([phase, durations]) => figure(pair, phase, durations, toleranceOf(settings))),
    dumps: prepared.dumps.map(({ total, wall, stats }) => ({ total, wall, stats: { ...stats } })),
    samples: trials.map(({ points, checksum, stats }) => ({
      points: {
        s: String(points.s),
        a: String(points.a),
        b: String(points.b),
        c: String(points.c),
        d: String(points.d),
        e: String(points.e),
      },
      nanoseconds: Object.fromEntries(PHASES.map((phase) => [phase, String(nanosecondsOf(points, phase))])),
      checksum,
      stats: { ...stats },
    })),
  }
  return { samples, record }
}

function figure(pair: Pair, phase: string, durations: readonly number[], tolerance: number): FigureResults {
  const summary = summarize(phase, durations)
  return { phase, ...summary, ...judge({ ...pair, phase, ...summary }, tolerance) }
}
