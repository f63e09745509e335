import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vitest/config'
import { resolveSettings } from '../config/settings.ts'
import type { CriuOptions, Settings } from '../config/options.ts'
import { filesystem, filesystemNames, missingFilesystems } from '../filesystems/index.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { strategyNamed } from '../trial/strategies/index.ts'
import { asWritten, wholeSizes } from './pattern.ts'
import { CriuReporter } from './reporter.ts'

declare module 'vitest' {
  interface ProvidedContext {
    criu: Settings
    /** File systems that nobody asked for by name and that cannot be used here, with the reason. */
    criuMissing: Readonly<Record<string, string>>
  }
}

/** Among `filesystems`: every one that can be used here. */
const ALL = 'all'

const unique = (names: readonly string[]): string[] => [...new Set(names)]

/** A pattern that names a file system asks for it: `-t 'ceph 64MB'` needs no option besides. */
const namedIn = (pattern: RegExp | undefined): string[] =>
  filesystemNames.filter((name) => new RegExp(`\\b${name}\\b`).test(pattern ? asWritten(pattern) : ''))

const own = (module: string): string =>
  fileURLToPath(new URL(`${module}${extname(import.meta.url)}`, import.meta.url))

/**
 * The plugin: `plugins: [criu({ sizes: ['64MB'] })]`. Sets the benchmark provider, a set-up file with the matcher and a
 * reporter, and makes `-t 4MB` mean 4MB alone. Throws CriuBenchError for options, or environment variables, that it
 * cannot use.
 */
export function criu(options: CriuOptions = {}): Plugin {
  const settings = resolveSettings(options, process.env)
  settings.filesystems.filter((name) => name !== ALL).forEach(filesystem)
  settings.strategies.forEach(strategyNamed)
  handlerNamed(settings.handler)
  return {
    name: 'vitest-criu',
    configureVitest({ vitest, project }) {
      const pattern = vitest.getGlobalTestNamePattern()
      const asked = [...settings.filesystems, ...namedIn(pattern)]
      const chosen = { ...settings, filesystems: unique(asked.includes(ALL) ? filesystemNames : asked) }
      project.provide('criu', chosen)
      project.provide('criuMissing', missingFilesystems(asked, settings))
      project.config.benchmark.provider = own('./provider')
      project.config.setupFiles.push(own('./setup'))
      vitest.config.reporters.push(new CriuReporter(chosen))
      // Not setGlobalTestNamePattern(): after this hook vitest takes the pattern from its configuration again.
      if (pattern) vitest.config.testNamePattern = wholeSizes(pattern)
    },
  }
}
