import { describe, expect, inject, test } from 'vitest'
import type { PhaseName } from '../../reports/timeline.ts'
import { checkThresholds, type Threshold } from '../gate/thresholds.ts'
import type { BenchmarkCase, CaseGroup } from '../matrix/benchmark-case.ts'
import { caseGroups, type CaseMatrix } from '../matrix/case-matrix.ts'
import { phasesOf } from '../matrix/phases.ts'
import { atCallSite, rememberCallSite } from './call-site.ts'
import { checkpointed, shareCampaign } from './checkpointed.ts'

export interface RestoreSuiteOptions extends CaseMatrix {
  /**
   * The largest allowed medians, by phase, for every strategy that restores. A phase without a threshold is compared
   * with the reference, if the reference has a figure for it.
   */
  readonly thresholds?: { readonly [phase in PhaseName]?: Threshold }
}

export function restoreSuite({ thresholds = {}, ...matrix }: RestoreSuiteOptions = {}): void {
  for (const group of matrixOf(matrix)) {
    const strategies = group.cases.map(({ strategy }) => strategy.name)
    const crius = group.cases.flatMap(({ criu }) => criu?.name ?? [])
    checkThresholds(thresholds, { phases: group.cases.flatMap(phasesOf), strategies, crius })
    for (const benchmarkCase of group.cases) describeCase(benchmarkCase, group, thresholds)
  }
}

export function matrixOf(matrix: CaseMatrix = {}): CaseGroup[] {
  const groups = caseGroups(matrix, inject('criu'), inject('criuMemory'))
  shareCampaign(groups)
  rememberCallSite(groups)
  return groups
}

function describeCase(
  benchmarkCase: BenchmarkCase,
  group: CaseGroup,
  thresholds: NonNullable<RestoreSuiteOptions['thresholds']>,
): void {
  describe(benchmarkCase.title, () => {
    const run = checkpointed(benchmarkCase, group, thresholds)
    for (const phase of phasesOf(benchmarkCase)) {
      test(phase, ({ bench, annotate }) =>
        atCallSite(group, async () => {
          const result = await bench(phase, run).run()
          const verdict = result.criu?.figure.verdict
          if (verdict?.state === 'ungated') await annotate(`not gated: ${verdict.reason}`)
          expect(result).toPassGate()
        }),
      )
    }
  })
}
