import { inject } from 'vitest'
import type { CriuOptions, Settings } from '../config/options.ts'
import { PREFIX } from '../config/variables.ts'
import { resolveSettings } from '../config/settings.ts'
import { CriuBenchError } from '../errors.ts'

/** Types cannot tell it: vitest provides the settings to projects of benchmarks only. */
const provided = (): Settings | undefined => inject('criu') as Settings | undefined

export const isBenchmark = (): boolean => provided() !== undefined

/** The settings of a benchmark. Throws CriuBenchError where there is none. */
export function benchmarkSettings(caller: string): Settings {
  const settings = provided()
  if (settings) return settings
  const isConfigured = (inject('criuOptions') as unknown) !== undefined
  throw new CriuBenchError({
    failed: `cannot use ${caller}() in this file`,
    found: isConfigured ? 'a unit test' : 'a project without the plugin',
    expected: isConfigured
      ? 'a file that benchmark.include matches, run by vitest bench'
      : 'plugins: [criu()] in vitest.config.ts',
    fix: isConfigured
      ? 'rename the file to *.bench.ts, and run: npx vitest bench'
      : "add the plugin to vitest.config.ts: import { criu } from 'vitest-criu', then plugins: [criu()]",
  })
}

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
