import type { PhaseName, RunPhase } from '../../reports/timeline.ts'
import type { Handler } from '../handlers/definition.ts'
import { reportsItself } from '../handlers/handler.ts'
import type { Strategy } from '../strategies/index.ts'
import type { BenchmarkCase } from './benchmark-case.ts'

/** The phases of one run in their order, then the cold start, then phases that only the strategy has. */
export function runPhases(handler: Handler, strategy: Pick<Strategy, 'fromScratch' | 'phases'>): RunPhase[] {
  if (!reportsItself(handler))
    return ['lean container', handler.done === 'response' ? 'first response' : 'done', 'cold start']
  const start = strategy.fromScratch ? 'startup' : 'restore'
  // Phases of a strategy start when the handler starts, which only a handler that reports time points can tell.
  return ['lean container', start, 'execution', 'cold start', ...(strategy.phases ?? [])]
}

/** The phases that a suite measures, in the order of its tests. */
export const phasesOf = ({ strategy, handler }: BenchmarkCase): PhaseName[] => [
  ...(strategy.fromScratch ? [] : ['dump' as const]),
  ...(strategy.rewrites === undefined ? [] : ['rewrite' as const]),
  ...runPhases(handler, strategy),
]
