import { describe, expect, test, type BenchResult, type TestContext } from 'vitest'
import { CriuBenchError } from '../errors.ts'
import { hasTmpfsComparison } from '../gate/tmpfs-comparison.ts'
import { hasReference } from '../gate/reference.ts'
import { strategyNamed } from '../strategies/index.ts'
import type { Milliseconds } from '../units.ts'
import { matrix, phasesOf, type Axes, type Cell } from '../matrix/matrix.ts'
import { checkpointed } from './checkpointed.ts'

/** What the median of a phase may be: ms, or so many times that of another strategy in the same rounds. */
export type Threshold = Milliseconds | { readonly times: number; readonly of: string }

export interface RestoreSuite extends Axes {
  /** By phase; they hold for every strategy that restores. A phase without one is held against the reference, if any. */
  readonly thresholds?: Readonly<Record<string, Threshold>>
}

/** The medians of one pair's cells: those that are compared wait for each other here. */
type Results = Map<string, BenchResult>
const keyOf = (strategy: string, phase: string): string => `${strategy} > ${phase}`

/**
 * Declares one suite for each filesystem, size and strategy, with a test a phase: what is left out is as the options
 * have it. Call it at the top of a file, or in a `describe`. Throws CriuBenchError for a threshold of no phase.
 */
export function restoreSuite({ thresholds = {}, ...axes }: RestoreSuite = {}): void {
  for (const pair of matrix(axes)) {
    checkThresholds(thresholds, pair)
    const results: Results = new Map()
    for (const cell of pair) describeCell(cell, pair, thresholds, results)
    for (const [phase, threshold] of Object.entries(thresholds)) {
      if (typeof threshold === 'number') continue
      for (const cell of pair.filter(({ strategy }) => isGated(strategy) && strategy !== threshold.of))
        compare(cell, phase, threshold, results)
    }
  }
}

/** From scratch is what others are held against. */
const isGated = (strategy: string): boolean => !strategyNamed(strategy).fromScratch

function describeCell(
  cell: Cell,
  pair: readonly Cell[],
  thresholds: Readonly<Record<string, Threshold>>,
  results: Results,
): void {
  describe(cell.title, () => {
    const body = checkpointed(cell, pair)
    for (const phase of phasesOf(cell)) {
      test(phase, async ({ bench, annotate }) => {
        const result = await bench(phase, body).run()
        results.set(keyOf(cell.strategy, phase), result)
        await judge(cell, result, isGated(cell.strategy) ? thresholds[phase] : undefined, annotate)
      })
    }
  })
}

async function judge(
  cell: Cell,
  result: BenchResult,
  threshold: Threshold | undefined,
  annotate: TestContext['annotate'],
): Promise<void> {
  const { p50, samplesCount } = result.latency
  if (typeof threshold === 'number')
    expect(p50, `median of ${cell.title} in ms, n=${samplesCount}`).toBeLessThanOrEqual(threshold)
  else if (threshold !== undefined) await annotate(`held against ${threshold.of}, below`)
  else if (hasReference(cell)) expect(result).toMeetReference()
  else if (hasTmpfsComparison(cell)) expect(result).toKeepUpWithTmpfs()
  else await annotate(`nothing is given that ${cell.title} is held against`)
}

function compare(
  cell: Cell,
  phase: string,
  { times, of }: Exclude<Threshold, number>,
  results: Results,
): void {
  test(`${cell.title}: ${phase} at most ${times} × that of ${of}`, async ({ skip, annotate }) => {
    const medians = [cell.strategy, of].map(
      (strategy) => results.get(keyOf(strategy, phase))?.latency.p50 ?? Number.NaN,
    )
    const [own = Number.NaN, other = Number.NaN] = medians
    if (medians.some(Number.isNaN)) skip(`not measured in this run: ${phase} of ${cell.strategy} and ${of}`)
    await annotate(
      `${(own / other).toFixed(2)} × that of ${of}: ${own.toFixed(2)} ms, ${other.toFixed(2)} ms`,
    )
    expect(own / other).toBeLessThanOrEqual(times)
  })
}

/** A threshold that is misspelt would hold nothing, and nobody would know. */
function checkThresholds(thresholds: Readonly<Record<string, Threshold>>, pair: readonly Cell[]): void {
  const phases = new Set(pair.flatMap(phasesOf))
  const strategies = pair.map(({ strategy }) => strategy)
  for (const [phase, threshold] of Object.entries(thresholds)) {
    const of = typeof threshold === 'number' ? undefined : threshold.of
    if (phases.has(phase) && (of === undefined || strategies.includes(of))) continue
    throw new CriuBenchError({
      failed: `cannot use the threshold of "${phase}"`,
      found: phases.has(phase) ? `"${of}", which is not measured beside it` : 'no phase of that name',
      expected: phases.has(phase) ? `one of ${strategies.join(', ')}` : `one of ${[...phases].join(', ')}`,
      fix: 'correct thresholds in restoreSuite({ … })',
    })
  }
}
