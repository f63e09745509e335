import { inject } from 'vitest'
import type { SuiteResults } from '../../reports/results.ts'
import { suspectsIn } from '../gate/baseline.ts'
import { readBaseline, type Baseline } from '../gate/baseline-file.ts'
import { isSuspect, judgeAlone } from '../gate/change.ts'
import { sampledOf, type Sampled } from '../gate/sampled.ts'
import type { BenchmarkCase } from '../matrix/benchmark-case.ts'
import type { MeasuredSample } from '../measure/restores.ts'
import type { Session } from '../measure/session.ts'
import { dumpResults, sampleResults } from '../measure/suite-results.ts'

let baseline: Promise<Baseline> | undefined

/**
 * Measures a suspected change against the baseline a second time, while its suite is still mounted. Only the new
 * samples decide, because the first ones were selected for being unusual. Returns undefined if nothing is suspected.
 */
export async function confirm(
  session: Session,
  benchmarkCase: BenchmarkCase,
  suite: SuiteResults,
): Promise<SuiteResults['again']> {
  const path = inject('criuBaseline')
  if (path === null) return undefined
  const sensitivity = inject('criu')
  baseline ??= readBaseline(path)
  const suspects = suspectsIn(suite, await baseline, sensitivity)
  if (suspects.length === 0) return undefined
  const dumps = suspects.includes('dump') ? await session.dumpAgain(benchmarkCase) : []
  const again = suspects.includes('cold start')
    ? await session.measureAgain(benchmarkCase, (_neighbour, before, now) => {
        const comparison = { before: coldStarts(before, suite.control), now: coldStarts(now, suite.control) }
        const change = judgeAlone(comparison, sensitivity)
        return isSuspect(change) ? change.ratio : undefined
      })
    : undefined
  return { dumps: dumps.map(dumpResults), samples: (again?.samples ?? []).map(sampleResults) }
}

/** The cold starts of a neighbour. They show the state of the machine, so disturbed samples count as well. */
function coldStarts(samples: readonly MeasuredSample[], control: string | undefined): Sampled {
  const suite = { dumps: [], samples: samples.map(sampleResults), ...(control !== undefined && { control }) }
  return { ...sampledOf(suite, 'cold start'), disturbed: 0 }
}
