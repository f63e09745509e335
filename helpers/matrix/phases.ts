import type { PhaseName, RunPhase } from '../../reports/timeline.ts'
import type { Handler } from '../handlers/definition.ts'
import { reportsItself } from '../handlers/handler.ts'
import type { Strategy } from '../strategies/index.ts'
import type { BenchmarkCase } from './benchmark-case.ts'

/** The phases of one run, in the order in which they happen, then their sum. */
export function runPhases(handler: Handler, strategy: Pick<Strategy, 'fromScratch' | 'phases'>): RunPhase[] {
  if (!reportsItself(handler))
    return ['lean container', handler.done === 'response' ? 'first response' : 'done', 'cold start']
  const start = strategy.fromScratch ? 'startup' : 'restore'
  // A strategy's own phases begin with the handler, which only a handler that reports itself tells.
  return ['lean container', start, 'execution', 'cold start', ...(strategy.phases ?? [])]
}

/** The phases that a suite measures: one test each. */
export const phasesOf = ({ strategy, handler }: BenchmarkCase): PhaseName[] => [
  ...(strategy.fromScratch ? [] : ['dump' as const]),
  ...runPhases(handler, strategy),
]
