import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import * as api from './index.ts'
import { outcomeOf, PROJECT, VITEST } from './testing/commands.ts'
import { API, temporaryProject } from './testing/projects.ts'

test('nothing but the public API is exported', () => {
  expect(Object.keys(api).toSorted()).toMatchInlineSnapshot(`
    [
      "CriuBenchError",
      "MB",
      "checkpointOf",
      "checkpointed",
      "criu",
      "defineHandler",
      "matrix",
      "phasesOf",
      "restoreSuite",
    ]
  `)
})

/** What restoreSuite() says of each of these thresholds in a benchmark. */
async function refusalsOf(...all: ReadonlyArray<Readonly<Record<string, unknown>>>): Promise<string[]> {
  await using project = await temporaryProject({
    'vitest.config.mts': `import { criu } from '${API}'\nexport default { plugins: [criu()] }\n`,
    'own.bench.ts': `import * as api from '${API}'
for (const thresholds of ${JSON.stringify(all)}) {
  const suite = { strategies: ['mapped'], sizes: [api.MB], thresholds }
  try { api.restoreSuite(suite) } catch (error) { console.log('<' + error.message + '>') }
}`,
  })
  const { stdout } = await outcomeOf([process.execPath, VITEST, 'bench', '--run'], {}, project.path)
  return [...stdout.matchAll(/<([^>]*)>/g)].map(([, message = '']) => message)
}

test('restoreSuite refuses a threshold for an unknown phase, or relative to a strategy that it does not measure', async () => {
  const unknown = { 'first respons': 5 }
  const unmeasured = { restore: { times: 2, of: 'plain' } }
  expect((await refusalsOf(unknown, unmeasured)).join('\n')).toMatchInlineSnapshot(`
    "cannot use the threshold for "first respons"
      found:    a name that is no phase of this suite
      expected: one of dump, rewrite, lean container, restore, execution, cold start
      fix:      correct thresholds in restoreSuite({ … })
    cannot use the threshold for "restore"
      found:    the strategy "plain", which this suite does not measure
      expected: one of mapped
      fix:      correct thresholds in restoreSuite({ … })"
  `)
})

test('the package loads in vitest.config.ts only what a configuration needs', async () => {
  // All of it is 200 modules, for which every run of unit tests would wait 0.3 s.
  const script = `import { registerHooks } from 'node:module'
registerHooks({ load: (url, context, next) => (url.startsWith('file:') && console.log(url), next(url, context)) })
await import('${API}')`
  const { stdout, stderr } = await outcomeOf([process.execPath, '--input-type=module', '--eval', script])
  expect(stderr).toBe('')
  const loaded = stdout.trim().split('\n').map((url) => relative(PROJECT, fileURLToPath(url))) // prettier-ignore
  expect(loaded.filter((file) => !file.startsWith('node_modules/'))).toMatchInlineSnapshot(`
    [
      "helpers/index.ts",
      "helpers/disposal.ts",
      "helpers/plugin/plugin.ts",
      "helpers/installation/node-version.ts",
      "helpers/errors.ts",
      "helpers/installation/paths.ts",
      "helpers/handlers/defined.ts",
      "helpers/config/names.ts",
      "helpers/handlers/definition.ts",
      "helpers/config/size.ts",
      "helpers/units.ts",
      "reports/format.ts",
      "helpers/plugin/api.ts",
    ]
  `)
  expect(loaded.filter((file) => !/^(helpers|reports|node_modules\/zod)\//.test(file))).toEqual([])
})
