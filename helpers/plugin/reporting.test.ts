import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { REPORTS } from '../../reports/files.ts'
import { Results } from '../../reports/results.ts'
import { samplesOf } from '../../reports/rows.ts'
import { startBench } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { expectNothingLeft } from '../testing/leaks.ts'

/** The part of the output of vitest's JSON reporter that this plugin adds to. */
const Json = z.object({
  testResults: z.array(
    z.object({
      assertionResults: z.array(
        z.object({ title: z.string(), ancestorTitles: z.array(z.string()), meta: z.looseObject({}) }),
      ),
    }),
  ),
})

/** Makes every figure a miss, in a GitHub workflow. */
const ALL_MISS = { VITEST_CRIU_TOLERANCE: '0.001', GITHUB_ACTIONS: 'true' }

test("a run in a GitHub workflow, with -t 'tmpfs 4MB', writes every report, the summary, and annotations at the failing tests of this size", async () => {
  await using folder = await temporaryFolder()
  const output = join(folder.path, 'out')
  const summary = join(folder.path, 'summary.md')
  const environment = { ...ALL_MISS, GITHUB_STEP_SUMMARY: summary, VITEST_CRIU_OUTPUT: output }
  const { status, stdout, stderr } = await expectNothingLeft(
    () => startBench(['-t', 'tmpfs 4MB'], environment).ended,
  )
  expect(status).toBe(1)
  const progress = [...stderr.matchAll(/^▸ (\w+ \w+ \w+) /gm)].map(([, title]) => title)
  expect(new Set(progress)).toEqual(new Set(['tmpfs 4MB mapped']))
  expect(stdout).toMatch(/^ +Tests +5 failed \| 1 passed \| 30 skipped \(36\)$/m)
  const { suites } = Results.parse(JSON.parse(await readFile(join(output, 'results.json'), 'utf8')))
  expect(suites.map(({ title }) => title)).toEqual(['tmpfs 4MB mapped'])
  // Without the option keep there are no logs among the reports, and CRIU writes none.
  expect(suites.flatMap(({ samples }) => samples.map(({ stages }) => stages))).toEqual([undefined, undefined])
  expect((await readdir(output)).toSorted()).toEqual(REPORTS.map(([name]) => name).toSorted())
  expect(await readFile(summary, 'utf8')).toContain(await readFile(join(output, 'results.md'), 'utf8'))
  // Each failing test is annotated only once, by vitest's own reporter.
  const annotations = stdout.split('\n').filter((line) => line.startsWith('::error'))
  expect(
    annotations.map(
      (line) => /,title=\[bench\] bench\/restore\.bench\.ts > .* > ([\w %A-Z]+),line=\d+/.exec(line)?.[1],
    ),
  ).toEqual(['dump', 'lean container', 'restore', 'execution', 'cold start'])
})

test("with vitest's JSON reporter every test has its figure and samples, and this plugin writes the annotations", async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'vitest.json')
  // A summary that cannot be written does not change the verdict.
  const environment = { ...ALL_MISS, VITEST_CRIU_OUTPUT: folder.path, GITHUB_STEP_SUMMARY: '/proc/x' }
  const reporters = ['--reporter=json', `--outputFile=${file}`]
  const { status, stdout, stderr } = await expectNothingLeft(
    () => startBench(['-t', '1MB', ...reporters], environment).ended,
  )
  expect(status).toBe(1)
  expect(stderr).toContain('the summary of the job was not written: ENOENT')
  const { testResults } = Json.parse(JSON.parse(await readFile(file, 'utf8')))
  const { suites } = Results.parse(JSON.parse(await readFile(join(folder.path, 'results.json'), 'utf8')))
  const carried = testResults.flatMap(({ assertionResults }) =>
    assertionResults.flatMap(({ meta }) => (meta['criuPhase'] === undefined ? [] : [meta['criuPhase']])),
  )
  const expected = suites.flatMap((suite) =>
    suite.figures.map((figure) => {
      const { filesystem, size, strategy, handler } = suite
      const samples = samplesOf(suite, figure.phase).map(({ duration }) => duration)
      return { filesystem, size, strategy, handler, figure, samples }
    }),
  )
  expect(carried).toEqual(expected)
  const annotations = stdout.split('\n').filter((line) => line.startsWith('::error'))
  expect(annotations).toHaveLength(expected.filter(({ figure }) => figure.verdict.state === 'miss').length)
  expect(annotations[2]).toMatch(
    /^::error file=bench\/restore\.bench\.ts,title=miss%3A tmpfs 1MB mapped python > restore::/,
  )
})
