import { extname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vitest/config'
import { baselinePath, readBaseline } from '../gate/baseline-file.ts'
import { checkMachine } from '../gate/baseline-machine.ts'
import { resolveSettings } from '../config/settings.ts'
import type { FilesystemName } from '../config/names.ts'
import type { CriuOptions, Settings } from '../config/options.ts'
import { filesystem, filesystemNames, missingFilesystems } from '../filesystems/index.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { fingerprint } from '../machine/fingerprint.ts'
import { availableMemory } from '../machine/memory.ts'
import { strategyNamed } from '../strategies/index.ts'
import { originalSource, matchWholeSizes } from './pattern.ts'
import { CriuReporter } from './reporter.ts'

declare module 'vitest' {
  interface ProvidedContext {
    criu: Settings
    /** Why filesystems cannot be used on this machine, by name. Only those that nobody requested by name. */
    criuMissing: Readonly<Record<string, string>>
    /** Path of the baseline, or null without one. */
    criuBaseline: string | null
    /** Bytes of memory available before anything was mounted. */
    criuMemory: number
  }
}

/** The value of the option `filesystems` for every filesystem that works on this machine. */
const ALL = 'all'

/** The filesystems that a pattern names: `-t 'ceph 64MB'` selects ceph without an option. */
const filesystemsIn = (pattern: RegExp | undefined): FilesystemName[] =>
  filesystemNames.filter((name) => new RegExp(`\\b${name}\\b`).test(pattern ? originalSource(pattern) : ''))

const siblingModule = (module: string): string =>
  fileURLToPath(new URL(`${module}${extname(import.meta.url)}`, import.meta.url))

/**
 * The plugin: `plugins: [criu({ sizes: ['64MB'] })]`. It sets the benchmark provider, adds a set-up file with the
 * matchers and a reporter, and makes `-t 4MB` select only 4MB. Throws CriuBenchError for invalid options and
 * environment variables.
 */
export function criu(options: CriuOptions = {}): Plugin {
  const settings = resolveSettings(options, process.env)
  settings.filesystems.filter((name) => name !== ALL).forEach(filesystem)
  settings.strategies.forEach(strategyNamed)
  handlerNamed(settings.handler)
  return {
    name: 'vitest-criu',
    // oxlint-disable-next-line typescript/no-misused-promises -- vitest awaits it, although the type does not say so
    async configureVitest({ vitest, project }) {
      const pattern = vitest.getGlobalTestNamePattern()
      const requested = [...settings.filesystems, ...filesystemsIn(pattern)]
      const filesystems = new Set(requested.includes(ALL) ? filesystemNames : requested)
      const effective = { ...settings, filesystems: [...filesystems] }
      project.provide('criu', effective)
      project.provide('criuMissing', missingFilesystems(requested, settings))
      const baseline = await baselineFor(effective, vitest.config.root)
      project.provide('criuBaseline', baseline ?? null)
      project.provide('criuMemory', await availableMemory())
      project.config.benchmark.provider = siblingModule('./provider')
      project.config.setupFiles.push(siblingModule('./setup'))
      vitest.config.reporters.push(new CriuReporter(effective, baseline))
      // Not setGlobalTestNamePattern(), because after this hook vitest reads the pattern from its configuration again.
      if (pattern) vitest.config.testNamePattern = matchWholeSizes(pattern)
    },
  }
}

/** Path of the baseline. Throws CriuBenchError, before a measurement, if it is missing or from another machine. */
async function baselineFor(settings: Settings, root: string): Promise<string | undefined> {
  const { baseline, baselines, baselineMatch } = settings
  if (baseline === undefined) return undefined
  const path = baselinePath(resolve(root, baselines), baseline)
  checkMachine(await readBaseline(path), await fingerprint(), baselineMatch)
  return path
}
