import { inject } from 'vitest'
import type { SuiteResults } from '../../reports/results.ts'
import { suspectsIn } from '../gate/baseline.ts'
import { readBaseline, type Baseline } from '../gate/baseline-file.ts'
import { isSuspect, judgeAlone } from '../gate/change.ts'
import { conditionsOf, type Sampled } from '../gate/sampled.ts'
import { phaseOf } from '../../reports/timeline.ts'
import type { WatchedSample } from '../measure/sampling.ts'
import type { Group } from '../measure/session.ts'
import type { Cell } from '../matrix/matrix.ts'
import { dumpRecord, sampleRecords } from '../measure/suite-results.ts'

let baseline: Promise<Baseline> | undefined

/**
 * Measures once more, while its suite is still mounted, what seems to have changed against the baseline. The verdict
 * rests on these samples alone: those that raised the suspicion were picked for being far off. Undefined where nothing
 * is suspected.
 */
export async function confirm(
  group: Group,
  cell: Cell,
  record: SuiteResults,
): Promise<SuiteResults['again']> {
  const path = inject('criuBaseline')
  if (path === null) return undefined
  const sensitivity = inject('criu')
  baseline ??= readBaseline(path)
  const suspects = suspectsIn(record, await baseline, sensitivity)
  if (suspects.length === 0) return undefined
  const dumps = suspects.includes('dump') ? await group.dumpAgain(cell) : []
  const again = suspects.includes('cold start')
    ? await group.measureAgain(cell, (before, now) => {
        const pair = { before: coldStarts(before, record.control), now: coldStarts(now, record.control) }
        const change = judgeAlone(pair, sensitivity)
        return isSuspect(change) ? change.ratio : undefined
      })
    : undefined
  return { dumps: dumps.map(dumpRecord), samples: again ? sampleRecords(again) : [] }
}

/** A neighbour is looked at for what the machine did: what disturbed it is no reason to leave it out. */
const coldStarts = (samples: readonly WatchedSample[], program: string | undefined): Sampled => ({
  samples: samples.map(({ points }) => phaseOf(points, 'cold start')),
  ...conditionsOf(samples, program),
  disturbed: 0,
})
