import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vitest/config'
import { resolveSettings } from '../config/settings.ts'
import type { CriuOptions, Settings } from '../config/options.ts'
import { filesystem } from '../filesystems/index.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { strategyNamed } from '../trial/strategies/index.ts'
import { wholeSizes } from './pattern.ts'
import { CriuReporter } from './reporter.ts'

declare module 'vitest' {
  interface ProvidedContext {
    criu: Settings
  }
}

const own = (module: string): string =>
  fileURLToPath(new URL(`${module}${extname(import.meta.url)}`, import.meta.url))

/**
 * The plugin: `plugins: [criu({ sizes: ['64MB'] })]`. Sets the benchmark provider, a set-up file with the matcher and a
 * reporter, and makes `-t 4MB` mean 4MB alone. Throws CriuBenchError for options, or environment variables, that it
 * cannot use.
 */
export function criu(options: CriuOptions = {}): Plugin {
  const settings = resolveSettings(options, process.env)
  settings.filesystems.forEach(filesystem)
  settings.strategies.forEach(strategyNamed)
  handlerNamed(settings.handler)
  return {
    name: 'vitest-criu',
    configureVitest({ vitest, project }) {
      project.provide('criu', settings)
      project.config.benchmark.provider = own('./provider')
      project.config.setupFiles.push(own('./setup'))
      vitest.config.reporters.push(new CriuReporter(settings))
      const pattern = vitest.getGlobalTestNamePattern()
      // Not setGlobalTestNamePattern(): after this hook vitest takes the pattern from its configuration again.
      if (pattern) vitest.config.testNamePattern = wholeSizes(pattern)
    },
  }
}
