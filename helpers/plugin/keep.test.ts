import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Results } from '../../reports/results.ts'
import { durationOf } from '../../reports/timeline.ts'
import { RESTORE } from '../criu/log.ts'
import { benchProject } from '../testing/bench-project.ts'
import { BENCH, outcomeOf } from '../testing/commands.ts'

const SUITES = `for (const name of ['one', 'two'])
  describe(name, () => criu.restoreSuite({ sizes: ['1MB'], handler: 'native', strategies: ['mapped', 'plain'] }))`

test("keep: 'slowest' keeps CRIU's log of the slowest and the median sample of each suite", async () => {
  await using folder = await benchProject(SUITES)
  await outcomeOf(BENCH, { VITEST_CRIU_ITERATIONS: '3', VITEST_CRIU_WARMUP: '0', VITEST_CRIU_KEEP: 'slowest' }, folder.path) // prettier-ignore
  const output = join(folder.path, 'reports/out')
  const { suites } = Results.parse(JSON.parse(await readFile(join(output, 'results.json'), 'utf8')))
  const restored = suites.filter(({ strategy }) => strategy === 'mapped')
  const kept = restored.flatMap((suite) => (suite.kept ? Object.values(suite.kept) : []))
  // Two suites of the same name do not collide.
  expect(new Set(kept).size).toBe(4)
  expect((await readdir(join(output, 'logs'))).map((name) => `logs/${name}`)).toEqual(kept.toSorted())
  for (const { kept: paths, samples } of restored) {
    const sorted = samples.toSorted((one, other) => (durationOf(one.points, 'cold start') ?? 0) - (durationOf(other.points, 'cold start') ?? 0)) // prettier-ignore
    for (const [path = '', sample] of [[paths?.slowest, sorted[2]], [paths?.median, sorted[1]]] as const) {
      const log = await readFile(join(output, path), 'utf8')
      const end = /^\((.*)\) Restore finished successfully/m.exec(log)?.[1]
      // The stages of the sample are those of its log.
      const stages = Object.values(sample?.stages ?? {}).reduce((sum, duration) => sum + duration, 0)
      expect(stages).toBeCloseTo(Number(end) * 1000, 6)
      expect(Object.keys(sample?.stages ?? {})).toEqual(['start', ...RESTORE.stages.map(([name]) => name)])
    } // prettier-ignore
  }
  // Nothing is restored from scratch, so there is no log.
  expect(suites.filter(({ strategy }) => strategy === 'plain').map(({ kept: none }) => none)).toEqual([undefined, undefined]) // prettier-ignore
  expect(await readFile(join(output, 'results.html'), 'utf8')).toContain(`href="${kept[0]}"`)
})
