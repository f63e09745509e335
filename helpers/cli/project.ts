import { resolve } from 'node:path'
import { createRequire } from 'node:module'
import type { CriuOptions, Settings } from '../config/options.ts'
import { resolveSettings } from '../config/settings.ts'
import { CriuBenchError, reasonOf } from '../errors.ts'
import { PLUGIN_NAME } from '../plugin/plugin.ts'

/** The options of a run in this folder. `output` and `baselines` are absolute. */
export async function projectSettings(folder = process.cwd()): Promise<Settings> {
  const { root, options } = await configured(folder)
  const settings = resolveSettings(options, process.env)
  return {
    ...settings,
    output: resolve(root, settings.output),
    baselines: resolve(root, settings.baselines),
  }
}

/** What vitest's configuration gives the plugin; nothing without one. Of several projects, the first with the plugin. */
async function configured(folder: string): Promise<{ root: string; options: CriuOptions }> {
  try {
    // A dynamic import, because it takes half a second, for which every command would wait.
    const { resolveConfig } = await import('vitest/node')
    const { root, plugins, test } = await resolveConfig(
      { root: folder, watch: false },
      { logLevel: 'silent' },
    )
    const projects = test.resolvedProjects.map(({ viteConfig }) => viteConfig.plugins)
    const found = [plugins, ...projects].flat().findLast(({ name }) => name === PLUGIN_NAME)
    return { root, options: isOwn(found?.api) ? found.api.options : {} }
  } catch (cause) {
    throw new CriuBenchError(
      {
        failed: "cannot read vitest's configuration",
        found: reasonOf(cause).split('\n')[0] ?? '',
        expected: 'a configuration that vitest can load',
        fix: isInstalled('vite')
          ? 'correct the configuration: npx vitest list names what is wrong'
          : 'install vite, which yarn leaves to you: yarn add --dev vite',
      },
      { cause },
    )
  }
}

const isOwn = (api: unknown): api is { readonly options: CriuOptions } =>
  typeof api === 'object' && api !== null && 'options' in api

export function isInstalled(name: string, folder = process.cwd()): boolean {
  try {
    return createRequire(`${folder}/package.json`).resolve(`${name}/package.json`) !== ''
  } catch {
    return false
  }
}
