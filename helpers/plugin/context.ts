import { inject } from 'vitest'
import type { CriuOptions, Settings } from '../config/options.ts'
import { PREFIX } from '../config/variables.ts'
import { resolveSettings } from '../config/settings.ts'

/** Types cannot tell it: vitest provides the settings to projects of benchmarks only. */
const provided = (): Settings | undefined => inject('criu') as Settings | undefined

export const isBenchmark = (): boolean => provided() !== undefined

/**
 * The settings of any test. Outside of benchmarks, variables whose names other programs use as well, such as
 * CONTAINER_NAME, have no effect.
 */
export function testSettings(): Settings {
  const options = (inject('criuOptions') as CriuOptions | undefined) ?? {}
  return provided() ?? resolveSettings(options, ownVariables())
}

const ownVariables = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith(PREFIX)))
