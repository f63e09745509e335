import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Results } from '../../reports/results.ts'
import { durationOf } from '../../reports/timeline.ts'
import { RESTORE } from '../criu/log.ts'
import { benchProject } from '../testing/bench-project.ts'
import { outcomeOf, VITEST } from '../testing/commands.ts'

const SUITES = `for (const name of ['one', 'two'])
  describe(name, () => criu.restoreSuite({ sizes: ['1MB'], handler: 'native', strategies: ['mapped', 'plain'] }))`

async function benchWith(environment: Readonly<Record<string, string>>) {
  const folder = await benchProject(SUITES)
  const ended = await outcomeOf([process.execPath, VITEST, 'bench', '--run'], { VITEST_CRIU_ITERATIONS: '3', ...environment }, folder.path) // prettier-ignore
  const output = join(folder.path, 'reports/out')
  const results = Results.parse(JSON.parse(await readFile(join(output, 'results.json'), 'utf8')))
  return { ...ended, output, results, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
}

test("keep: 'slowest' keeps CRIU's log of the slowest and the median sample of each suite", async () => {
  await using run = await benchWith({ VITEST_CRIU_KEEP: 'slowest' })
  const restored = run.results.suites.filter(({ strategy }) => strategy === 'mapped')
  const kept = restored.flatMap((suite) => (suite.kept ? Object.values(suite.kept) : []))
  // Two suites of the same name do not collide.
  expect(new Set(kept).size).toBe(4)
  expect((await readdir(join(run.output, 'logs'))).map((name) => `logs/${name}`)).toEqual(kept.toSorted())
  for (const { kept: paths, samples } of restored) {
    const sorted = samples.toSorted((one, other) => (durationOf(one.points, 'cold start') ?? 0) - (durationOf(other.points, 'cold start') ?? 0)) // prettier-ignore
    for (const [path = '', sample] of [[paths?.slowest, sorted[2]], [paths?.median, sorted[1]]] as const) {
      const log = await readFile(join(run.output, path), 'utf8')
      const end = /^\((.*)\) Restore finished successfully/m.exec(log)?.[1]
      // The stages of the sample are those of its log.
      const stages = Object.values(sample?.stages ?? {}).reduce((sum, duration) => sum + duration, 0)
      expect(stages).toBeCloseTo(Number(end) * 1000, 6)
      expect(Object.keys(sample?.stages ?? {})).toEqual(['start', ...RESTORE.stages.map(([name]) => name)])
    } // prettier-ignore
  }
  // Nothing is restored from scratch, so there is no log.
  expect(run.results.suites.filter(({ strategy }) => strategy === 'plain').map(({ kept: none }) => none)).toEqual([undefined, undefined]) // prettier-ignore
  expect(await readFile(join(run.output, 'results.html'), 'utf8')).toContain(`href="${kept[0]}"`)
})

test('without keep, no log is written, and CRIU writes none', async () => {
  await using run = await benchWith({})
  expect(await readdir(run.output)).not.toContain('logs')
  expect(run.results.suites.flatMap(({ samples }) => samples.filter(({ stages }) => stages))).toEqual([])
})
