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
import { asWritten, wholeSizes } from './pattern.ts'
import { CriuReporter } from './reporter.ts'

declare module 'vitest' {
  interface ProvidedContext {
    criu: Settings
    /** Filesystems that cannot be used here and that nobody asked for by name, with the reason. */
    criuMissing: Readonly<Record<string, string>>
    /** The file of the baseline; null without one. */
    criuBaseline: string | null
    /** Bytes of memory available before anything was mounted. */
    criuMemory: number
  }
}

/** In the option `filesystems`: every filesystem that can be used here. */
const ALL = 'all'

/** The filesystems that a pattern names: `-t 'ceph 64MB'` asks for ceph without an option. */
const namedIn = (pattern: RegExp | undefined): FilesystemName[] =>
  filesystemNames.filter((name) => new RegExp(`\\b${name}\\b`).test(pattern ? asWritten(pattern) : ''))

const own = (module: string): string =>
  fileURLToPath(new URL(`${module}${extname(import.meta.url)}`, import.meta.url))

/**
 * The plugin: `plugins: [criu({ sizes: ['64MB'] })]`. Sets the benchmark provider, a set-up file with the matchers and a
 * reporter, and makes `-t 4MB` select 4MB alone. Throws CriuBenchError for options and environment variables that it
 * cannot use.
 */
export function criu(options: CriuOptions = {}): Plugin {
  const settings = resolveSettings(options, process.env)
  settings.filesystems.filter((name) => name !== ALL).forEach(filesystem)
  settings.strategies.forEach(strategyNamed)
  handlerNamed(settings.handler)
  return {
    name: 'vitest-criu',
    // oxlint-disable-next-line typescript/no-misused-promises -- vitest waits for it, whatever its type says
    async configureVitest({ vitest, project }) {
      const pattern = vitest.getGlobalTestNamePattern()
      const asked = [...settings.filesystems, ...namedIn(pattern)]
      const filesystems = new Set(asked.includes(ALL) ? filesystemNames : asked)
      const chosen = { ...settings, filesystems: [...filesystems] }
      project.provide('criu', chosen)
      project.provide('criuMissing', missingFilesystems(asked, settings))
      const baseline = await baselineFor(chosen, vitest.config.root)
      project.provide('criuBaseline', baseline ?? null)
      project.provide('criuMemory', await availableMemory())
      project.config.benchmark.provider = own('./provider')
      project.config.setupFiles.push(own('./setup'))
      vitest.config.reporters.push(new CriuReporter(chosen, baseline))
      // Not setGlobalTestNamePattern(): after this hook vitest takes the pattern from its configuration again.
      if (pattern) vitest.config.testNamePattern = wholeSizes(pattern)
    },
  }
}

/** The file of the baseline. Throws CriuBenchError, before anything is measured, where it is missing or of another machine. */
async function baselineFor(settings: Settings, root: string): Promise<string | undefined> {
  const { baseline, baselines, baselineMatch } = settings
  if (baseline === undefined) return undefined
  const path = baselinePath(resolve(root, baselines), baseline)
  checkMachine(await readBaseline(path), await fingerprint(), baselineMatch)
  return path
}
