import type { Plugin } from 'vitest/config'
import type { CriuOptions, Settings } from '../config/options.ts'
import { requireNode } from '../installation/node-version.ts'

/** A machine on which suites are skipped. They fail instead if the command line asks for them. */
export interface Unusable {
  readonly reason: string
  /** Words that may be part of a file's path, or 'by title' with `-t`, which only leaves the suites that it names. */
  readonly asked: readonly string[] | 'by title'
}

/** By which the program `vitest-criu` finds it among the plugins of a configuration. */
export const PLUGIN_NAME = 'vitest-criu'

declare module 'vitest' {
  interface ProvidedContext {
    /** The options of `criu({ … })`, in every project that has the plugin. */
    criuOptions: CriuOptions
    /** In benchmarks only, as are the values below. */
    criu: Settings
    /** Why filesystems cannot be used on this machine, by name. Only those that nobody requested by name. */
    criuMissing: Readonly<Record<string, string>>
    /** Why nothing can be measured on this machine, or null. */
    criuUnusable: Unusable | null
    /** Name of the project, or empty. */
    criuProject: string
    /** Path of the baseline, or null without one. */
    criuBaseline: string | null
    /** The absolute folder for results, or null where nothing can be measured. */
    criuOutput: string | null
    /** Bytes of memory available before anything was mounted. */
    criuMemory: number
    /** Path of the user's own benchmark provider, or null. */
    criuProvider: string | null
  }
}

/**
 * The plugin: `plugins: [criu({ sizes: ['64MB'] })]`. In projects of benchmarks it sets the benchmark provider, adds a
 * set-up file with the matchers and a reporter, and makes `-t 4MB` select only 4MB. Unit tests run as without it. A
 * benchmark run throws CriuBenchError for invalid options and environment variables.
 */
export function criu(given: CriuOptions = {}): Plugin {
  // Before vitest itself, which does not run there either, fails in some other way.
  requireNode()
  // An object of its own: two plugins may have been given the same one.
  const options = { ...given }
  return {
    name: PLUGIN_NAME,
    /** For the program `vitest-criu`. */
    api: { options },
    // oxlint-disable-next-line typescript/no-misused-promises -- vitest awaits it, although the type does not say so
    async configureVitest({ vitest, project }) {
      project.provide('criuOptions', options)
      if (!project.config.benchmark.enabled) return
      // A project that extends another may have the plugin twice. Its own comes last.
      // A dynamic import, because a run of unit tests would wait for it.
      const { configureBenchmarks } = await import('./benchmarks.ts')
      if (project.getProvidedContext().criuOptions === options)
        await configureBenchmarks(options, vitest, project)
    },
  }
}
