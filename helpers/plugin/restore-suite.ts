import { describe, expect, inject, test } from 'vitest'
import type { PhaseName } from '../../reports/timeline.ts'
import { checkThresholds, type Threshold } from '../gate/thresholds.ts'
import type { BenchmarkCase, CaseGroup } from '../matrix/benchmark-case.ts'
import { caseGroups, type CaseMatrix } from '../matrix/case-matrix.ts'
import { phasesOf } from '../matrix/phases.ts'
import { checkpointed, shareCampaign } from './checkpointed.ts'
import { benchmarkSettings } from './context.ts'

export interface RestoreSuiteOptions extends CaseMatrix {
  /**
   * The largest allowed medians, by phase, for every strategy that restores. A phase without a threshold is compared
   * with the reference, if the reference has a figure for it.
   */
  readonly thresholds?: { readonly [phase in PhaseName]?: Threshold }
}

/**
 * Declares one suite for each filesystem, size and strategy, with one test for each phase. Missing axes come from the
 * plugin's options. Call it at the top level of a file, or in a `describe`. Throws CriuBenchError for a threshold of a
 * phase, strategy or CRIU that the suite does not measure.
 */
export function restoreSuite({ thresholds = {}, ...matrix }: RestoreSuiteOptions = {}): void {
  for (const group of matrixOf(matrix)) {
    const strategies = group.cases.map(({ strategy }) => strategy.name)
    const crius = group.cases.flatMap(({ criu }) => criu?.name ?? [])
    checkThresholds(thresholds, { phases: group.cases.flatMap(phasesOf), strategies, crius })
    for (const benchmarkCase of group.cases) describeCase(benchmarkCase, group, thresholds)
  }
}

/** The cases of a matrix, in groups that are measured in turn, for suites with custom assertions. */
export function matrixOf(matrix: CaseMatrix = {}): CaseGroup[] {
  const groups = caseGroups(matrix, benchmarkSettings('restoreSuite'), inject('criuMemory'))
  shareCampaign(groups)
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
      test(phase, async ({ bench, annotate }) => {
        const result = await bench(phase, run).run()
        const verdict = result.criu?.figure.verdict
        if (verdict?.state === 'ungated') await annotate(`not gated: ${verdict.reason}`)
        expect(result).toPassGate()
      })
    }
  })
}
