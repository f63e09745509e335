/** What does the plugin cost the unit tests of a project? 20 files, with and without it in turn, with the built package. */
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { $ } from 'zx'

const ROOT = join(import.meta.dirname, '..')
const FILES = 20
const RUNS = 9
const UNIT_TEST = "import { expect, test } from 'vitest'\ntest('adds', () => expect(1 + 1).toBe(2))\n"
const WITH = "import { criu } from 'vitest-criu'\nexport default { plugins: [criu()] }\n"

let folder = ''

beforeAll(async () => {
  await $({ cwd: ROOT, quiet: true })`npm run build`
  folder = await mkdtemp(join(tmpdir(), 'vitest-criu-guest-'))
  const modules = join(folder, 'node_modules')
  await mkdir(modules)
  for (const name of await readdir(join(ROOT, 'node_modules')))
    await symlink(join(ROOT, 'node_modules', name), join(modules, name))
  for (const name of ['package.json', 'dist'])
    await cp(join(ROOT, name), join(modules, 'vitest-criu', name), { recursive: true })
  await writeFile(join(folder, 'package.json'), '{}')
  await writeFile(join(folder, 'with.config.mts'), WITH)
  await writeFile(join(folder, 'without.config.mts'), 'export default {}\n')
  for (let file = 1; file <= FILES; file++) await writeFile(join(folder, `${file}.test.ts`), UNIT_TEST)
}, 300_000)

afterAll(() => rm(folder, { recursive: true }))

test(
  'unit tests take at most 1.05 times as long with the plugin',
  { timeout: 900_000 },
  async ({ bench }) => {
    const durations = { with: [] as number[], without: [] as number[] }
    const run = async (config: 'with' | 'without'): Promise<void> => {
      const before = performance.now()
      await $({
        cwd: folder,
        quiet: true,
      })`node node_modules/vitest/vitest.mjs run --config ${config}.config.mts`
      durations[config].push(performance.now() - before)
    }
    // Both in one function: vitest would take all runs of one before the other, and machines drift.
    const both = bench('a run with the plugin, and one without', async () => {
      await run('with')
      await run('without')
    })
    await both.run({ iterations: RUNS, time: 0, warmup: true, warmupIterations: 1, warmupTime: 0 })
    const [withPlugin, without] = [median(durations.with), median(durations.without)]
    const ratio = withPlugin / without
    console.log(`${withPlugin.toFixed(0)} ms with, ${without.toFixed(0)} ms without: ${ratio.toFixed(3)} ×`)
    expect(ratio).toBeLessThanOrEqual(1.05)
  },
)

/** Of the measured runs, without the one that warms up. */
const median = (values: readonly number[]): number =>
  values.slice(-RUNS).toSorted((one, other) => one - other)[Math.floor(RUNS / 2)] ?? Number.NaN
