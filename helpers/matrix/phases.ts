import type { PhaseName, RunPhase } from '../../reports/timeline.ts'
import type { Handler } from '../handlers/definition.ts'
import { reportsItself, runsTwice } from '../handlers/handler.ts'
import type { Strategy } from '../strategies/index.ts'
import type { BenchmarkCase } from './benchmark-case.ts'

/** The phases of one run in their order, then the cold start, then phases that not all strategies have. */
export function runPhases(handler: Handler, strategy: Pick<Strategy, 'fromScratch' | 'phases'>): RunPhase[] {
  const further = strategy.fromScratch && runsTwice(handler) ? (['warm call'] as const) : []
  if (!reportsItself(handler))
    return ['lean container', handler.done === 'response' ? 'first response' : 'done', 'cold start', ...further] // prettier-ignore
  const start = strategy.fromScratch ? 'startup' : 'restore'
  // Phases of a strategy start when the handler starts, which only a handler that reports time points can tell.
  return ['lean container', start, 'execution', 'cold start', ...further, ...(strategy.phases ?? [])]
}

/** The phases that a suite measures, in the order of its tests. */
export const phasesOf = ({ strategy, handler }: BenchmarkCase): PhaseName[] => [
  ...(strategy.fromScratch ? [] : ['dump' as const]),
  ...(strategy.rewrites === undefined ? [] : ['rewrite' as const]),
  ...runPhases(handler, strategy),
]
