import type { StrategyName } from '../config/names.ts'
import { CriuBenchError } from '../errors.ts'
import { strategyNamed, type Strategy } from '../strategies/index.ts'

const failure = new CriuBenchError({ failed: 'no', found: 'none', expected: 'one', fix: 'none' })

/** A strategy that fails while it is prepared, or while it is restored. */
export const brokenStrategy = (name: StrategyName, step: 'prepare' | 'command'): Strategy => ({
  ...strategyNamed(name),
  ...(step === 'prepare' && { prepare: () => Promise.reject(failure) }),
  ...(step === 'command' && {
    open: async (...on) => ({ ...(await strategyNamed(name).open(...on)), command: () => ['/missing'] }),
  }),
})
