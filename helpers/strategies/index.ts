import type { StrategyName } from '../config/names.ts'
import { findByName } from '../find-by-name.ts'
import { eager } from './eager.ts'
import { lazy } from './lazy.ts'
import { mapped } from './mapped.ts'
import { plain } from './plain.ts'
import type { Strategy } from './strategy.ts'

export type { Restorable, Strategy } from './strategy.ts'

/** Every strategy. A new one is one file, one line here, and its name in config/names.ts. */
const STRATEGIES: readonly Strategy[] = [mapped, lazy, eager, plain]

/** Names of the strategies that restore a checkpoint: all except `plain`. */
export const restoringNames: readonly StrategyName[] = STRATEGIES.filter(
  ({ fromScratch }) => !fromScratch,
).map(({ name }) => name)

/** The strategy with this name. Throws CriuBenchError that lists all names if there is none. */
export const strategyNamed = (name: string): Strategy =>
  findByName(STRATEGIES, name, {
    kind: 'strategy',
    fix: "set strategies: ['mapped'] in vitest.config.ts, or VITEST_CRIU_STRATEGIES=mapped",
  })
