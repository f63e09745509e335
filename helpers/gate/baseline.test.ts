import { execa } from 'execa'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Results, SuiteResults } from '../../reports/results.ts'
import { verdictLines } from '../../reports/verdicts.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { messageOf } from '../testing/messages.ts'
import { results } from '../testing/results.ts'
import { compareResults } from './baseline.ts'
import { readBaseline, saveBaseline } from './baseline-file.ts'
import { checkMachine } from './baseline-machine.ts'
import { comparisonOutcome as outcomeOf } from './outcome.ts'
import { ungated } from './verdict.ts'

const SENSITIVITY = { band: 0.05, floor: 0.1, spread: 0.02 }
const PHASES = ['lean container', 'restore', 'execution', 'cold start']

const figureOf = (phase: string) => ({ phase, n: 20, median: 1, mean: 1, min: 1, max: 1, sd: 0, verdict: ungated('nothing to compare it with') }) // prettier-ignore

/**
 * 20 samples of these phases, in ms, each slightly longer than the previous one. With a control, the machine becomes
 * slower by a half during the run, for both.
 */
function suite(
  title: string,
  [container, restore, execution]: [number, number, number],
  control?: number,
): SuiteResults {
  const samples = Array.from({ length: 20 }, (_, index) => {
    const [started = 0, restored = 0, executed = 0] = [container, restore, execution].map((ms) =>
      Math.round(ms * slowness(index, control) * (1e6 + index * 1000)),
    )
    return {
      points: {
        spawned: '0',
        containerStarted: '0',
        restoreStarted: String(started),
        handlerStarted: String(started + restored),
        handlerEnded: String(started + restored + executed),
        containerGone: String(started + restored + executed),
      },
      checksum: 'abc',
      stats: {},
      ...(control !== undefined && { control: control * slowness(index, control) }),
    }
  })
  const figures = PHASES.map(figureOf)
  return { title, filesystem: 'tmpfs', strategy: title, mounted: 'tmpfs', size: 2 ** 20, label: '1MB', handler: 'python', baseImage: 'criu', checksum: 'abc', mapped: 0, copied: 0, control: 'control-1', figures, dumps: [], samples } // prettier-ignore
}

const slowness = (index: number, control: number | undefined): number =>
  control === undefined ? 1 : 1 + index / 40

const before = results(suite('mapped', [1, 4, 2]))
const baseline = { name: 'main', results: before }

describe('a baseline', () => {
  test('is read back as saved, and the previous baseline of its name is archived by date', async () => {
    await using folder = await temporaryFolder()
    await saveBaseline(folder.path, 'main', before)
    const later = { ...before, createdAt: '2026-02-02T03:04:05.678Z' }
    const path = await saveBaseline(folder.path, 'main', later)
    expect(await readBaseline(path)).toEqual({ name: 'main', results: later })
    expect(await readdir(join(folder.path, 'main'))).toEqual(['2026-01-02T03-04-05.678Z.json'])
    expect((await readdir(folder.path)).toSorted()).toEqual(['main', 'main.json'])
  })

  test('that cannot be written, because the disk is full, leaves the earlier one as it was', async () => {
    await using folder = await temporaryFolder()
    await execa('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'vitest-criu', folder.path])
    try {
      const path = await saveBaseline(folder.path, 'main', before)
      const large = { ...before, options: { padding: 'x'.repeat(100_000) } }
      expect(await messageOf(() => saveBaseline(folder.path, 'main', large))).toContain('ENOSPC')
      expect((await readBaseline(path)).results).toEqual(before)
    } finally {
      await execa('umount', [folder.path])
    }
  })

  test('whose date is a path is refused, and nothing is written outside of its folder', async () => {
    await using folder = await temporaryFolder()
    const baselines = join(folder.path, 'a', 'b')
    await saveBaseline(baselines, 'main', { ...before, createdAt: '../../evil' })
    expect(await messageOf(() => saveBaseline(baselines, 'main', before))).toContain('found:    createdAt: ')
    expect(await readdir(folder.path)).toEqual(['a'])
  })

  test('is not replaced by a run that lacks some of its suites', async () => {
    await using folder = await temporaryFolder()
    const path = await saveBaseline(folder.path, 'main', results(suite('mapped', [1, 4, 2]), suite('eager', [1, 4, 2]))) // prettier-ignore
    expect(await messageOf(() => saveBaseline(folder.path, 'main', before))).toMatchInlineSnapshot(`
      "cannot save this run as the baseline "main"
        found:    no results of eager (python handler)
        expected: results of every suite that the baseline "main" has
        fix:      run without -t, or save under another name: VITEST_CRIU_SAVE=main-focused"
    `)
    expect((await readBaseline(path)).results.suites).toHaveLength(2)
  })

  test.each([
    ['not JSON', '{"version":1,', 'found:    a file that is not JSON'],
    ['another version', '{"version":3}', 'found:    version: '],
    ['something else', '{"version":2,"createdAt":5}', 'found:    createdAt: '],
  ])('is refused if the file is %s', async (_, text, message) => {
    await using folder = await temporaryFolder()
    await writeFile(join(folder.path, 'main.json'), text)
    expect(await messageOf(() => readBaseline(join(folder.path, 'main.json')))).toContain(message)
  })

  test('is refused if the file is missing', async () => {
    expect(await messageOf(() => readBaseline('/nowhere/main.json'))).toContain('found:    no such file')
  })

  test('is refused if it is from another machine, and the error lists the differences', async () => {
    const here = { ...before.fingerprint, cpu: 'Another', kernel: '6.19.0', memory: 2 ** 34 * 1.01 }
    expect(await messageOf(() => checkMachine(baseline, here, 'same'))).toMatchInlineSnapshot(`
      "cannot compare this run with the baseline "main", which is from another machine
        found:    a baseline from a machine with cpu A CPU, kernel 6.18.0
        expected: a baseline from this machine, with cpu Another, kernel 6.19.0
        fix:      save a baseline here: VITEST_CRIU_SAVE=main-here"
    `)
    const updated = { ...before.fingerprint, kernel: '6.19.0', node: 'v26.9.0' }
    expect(await messageOf(() => checkMachine(baseline, updated, 'same'))).toContain('BASELINE_MATCH=similar')
    expect(checkMachine(baseline, updated, 'similar').map(({ field }) => field)).toEqual(['kernel'])
    expect(await messageOf(() => checkMachine(baseline, here, 'similar'))).toContain('cpu A CPU')
  })
})

const coldStartOf = ({ suites }: Results) =>
  suites[0]?.figures.find(({ phase }) => phase === 'cold start')?.baseline

/** Verdicts by phase. */
const verdicts = (now: SuiteResults) =>
  Object.fromEntries(
    compareResults(results(now), baseline, SENSITIVITY).suites.flatMap(({ figures }) =>
      figures.map(({ phase, baseline: found }) => [phase, found?.verdict]),
    ),
  )

describe('results compared with a baseline', () => {
  test('have a regression in the cold start and in the phase that caused it', () => {
    expect(verdicts(suite('mapped', [1, 6, 2]))).toEqual({
      'lean container': 'pass', restore: 'regression', execution: 'pass', 'cold start': 'regression' }) // prettier-ignore
  })

  test('have no improvement if the restore only moved its cost into the execution', () => {
    expect(verdicts(suite('mapped', [1, 2, 4]))).toEqual({
      'lean container': 'pass', restore: 'pass', execution: 'pass', 'cold start': 'pass' }) // prettier-ignore
  })

  test('are judged by the second measurement, if there is one', () => {
    const again = { dumps: [], samples: suite('mapped', [1, 4, 2]).samples }
    const now = compareResults(results({ ...suite('mapped', [1, 6, 2]), again }), baseline, SENSITIVITY)
    const found = coldStartOf(now)
    expect(found).toMatchObject({ verdict: 'pass', ratio: 1 })
    expect(found?.suspected?.ratio).toBeCloseTo(9 / 7, 5)
    expect(found?.reason).toContain('the first measurement gave 1.29 × (')
    expect(found?.reason).toContain('), which a second measurement did not confirm')
  })

  test('report every figure of a regression, and what to do about it', () => {
    const now = compareResults(results(suite('mapped', [1, 6, 2])), baseline, SENSITIVITY)
    expect(outcomeOf(now)).toBe('regression')
    expect(verdictLines(now).join('\n')).toMatchInlineSnapshot(`
      "compared with the baseline main of 2026-01-02T03:04:05.678Z, by cold start, dump and rewrite: ▲ 1 regression, ? 0 inconclusive, ▼ 0 improvement, = 0 pass
      regression: mapped > cold start: median 9.09 ms; 1.29 × the baseline's 7.07 ms (95.0 % interval 1.21 to 1.37; n=20, baseline n=20); the interval excludes 1, and the ratio is beyond the noise band of 5 %. Its parts: lean container 1.00 ×, restore 1.50 ×, execution 1.00 ×. To measure it alone: npx vitest bench --run -t 'mapped'. To accept it: run with VITEST_CRIU_SAVE=main and without VITEST_CRIU_BASELINE"
    `)
  })

  test('are corrected for the drift of the machine, and report how large it is', () => {
    const earlier = { name: 'main', results: results(suite('mapped', [1, 4, 2], 3)) }
    const now = compareResults(results(suite('mapped', [2, 8, 4], 3.6)), earlier, SENSITIVITY)
    expect(coldStartOf(now)?.verdict).toBe('regression')
    // The slope is estimated. With 40 samples it is not yet certain that the row follows the control wholly.
    const { ratio = 0, machine = 0, slope = 0 } = coldStartOf(now) ?? {}
    expect(slope).toBeGreaterThan(0.7)
    expect(machine).toBeCloseTo(1.2 ** slope)
    expect(ratio).toBeCloseTo(2 / machine)
    expect(verdictLines(now)[1]).toContain(
      `${ratio.toFixed(2)} × the baseline's 8.74 ms, after removing ${machine.toFixed(2)} × of machine drift (`,
    )
    // A baseline without a control is compared with the samples as they are.
    const uncorrected = coldStartOf(compareResults(now, baseline, SENSITIVITY))
    expect(uncorrected?.ratio).toBeGreaterThan(2)
    expect(uncorrected).not.toHaveProperty('machine')
  })

  test('count dumps that several strategies share only once', () => {
    const figure = figureOf('dump')
    const shared = (titles: string[], ms: number) =>
      results(...titles.map((title) => ({ ...suite(title, [1, 4, 2]), figures: [figure], dumps: Array.from({ length: 20 }, (_, index) => ({ total: ms + index / 100, wall: ms, stats: {} })) }))) // prettier-ignore
    const confidences = (titles: string[]) =>
      compareResults(shared(titles, 12), { name: 'main', results: shared(titles, 10) }, SENSITIVITY).suites.map(({ figures }) => figures[0]?.baseline?.confidence) // prettier-ignore
    expect(confidences(['mapped', 'lazy', 'eager'])).toEqual([0.95, 0.95, 0.95])
  })

  test('are inconclusive if the baseline lacks them', () => {
    const now = compareResults(results(suite('eager', [1, 4, 2])), baseline, SENSITIVITY)
    expect(outcomeOf(now)).toBe('inconclusive')
    expect(verdictLines(now).at(-1)).toContain('eager > cold start: not in the baseline')
  })
})
