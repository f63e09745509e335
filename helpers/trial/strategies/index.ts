import { CriuBenchError } from '../../errors.ts'
import { eager } from './eager.ts'
import { lazy } from './lazy.ts'
import { mapped } from './mapped.ts'
import type { Strategy } from './strategy.ts'

export type { Restorable, Strategy } from './strategy.ts'

/** Every strategy there is: a new one is one file and one line here. */
const STRATEGIES: readonly Strategy[] = [mapped, lazy, eager]

export const strategyNames: readonly string[] = STRATEGIES.map(({ name }) => name)

/** The strategy of that name; throws CriuBenchError that lists them. */
export function strategyNamed(name: string): Strategy {
  const found = STRATEGIES.find((strategy) => strategy.name === name)
  if (found) return found
  throw new CriuBenchError({
    failed: `cannot use the strategy "${name}"`,
    found: `"${name}"`,
    expected: `one of ${strategyNames.join(', ')}`,
    mend: "strategies: ['mapped'] in vitest.config.ts, or VITEST_CRIU_STRATEGIES=mapped",
  })
}
