import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { resultsText } from '../../reports/results.ts'
import { sameThingTwice } from '../calibration/recorded.testing.ts'
import { cli } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { expectNothingLeft } from '../testing/leaks.ts'

// Whether a delay is found is not looked at here: with one sample, everything is inconclusive.
const QUICK = {
  VITEST_CRIU_ITERATIONS: '1',
  VITEST_CRIU_WARMUP: '0',
  VITEST_CRIU_SET_UPS: '1',
  VITEST_CRIU_HANDLER: 'native',
}

test('calibrate measures which delays the gate finds, writes a report, and keeps its runs for a replay', async () => {
  await using folder = await temporaryFolder()
  const [out, kept] = [join(folder.path, 'calibration.md'), join(folder.path, 'kept')]
  await writeFile(out, '# Calibration of the gate\n\n## Batch: an earlier one\n')
  await expectNothingLeft(async () => {
    const ended = await cli(
      ['calibrate', '--runs', '1', '--sizes', '1MB', '--out', out, '--append', '--batch', 'held out', '--keep', kept],
      QUICK,
    ) // prettier-ignore
    expect(ended.status).toBe(0)
    expect(ended.stderr).toMatch(/▸ run 1\/1: unchanged: .*; delay in the launcher: .*\+50 % /)
    expect(ended.stdout).toContain(`written to ${out}`)
  })
  const report = await readFile(out, 'utf8')
  expect(report).toContain('## Batch: an earlier one\n\n## Batch: held out\n')
  expect(report).toContain('1 runs of tmpfs 1MB mapped (native)')
  expect(report).toMatch(/^False alarms: [01] of 1 \(/m)
  for (const row of ['cold start tmpfs 1MB mapped', 'dump tmpfs 1MB mapped', 'in the launcher'])
    expect(report).toMatch(new RegExp(`^\\| ${row} `, 'm'))

  expect((await readdir(kept)).toSorted()).toEqual(['000-before.json', '000-delay-10.json', '000-delay-20.json', '000-delay-5.json', '000-delay-50.json', '000-now.json']) // prettier-ignore
  const replayed = await cli(['calibrate', '--recorded', kept])
  expect(replayed.stdout).toContain('## 2 runs, compared one by one')
})

test('calibrate --quick tells what the gate sees on this machine, proposes band and time, and keeps its runs', async () => {
  await using folder = await temporaryFolder()
  const ended = await expectNothingLeft(() =>
    cli(['calibrate', '--quick', '0.01', '--sizes', '1MB', '--keep', folder.path], QUICK),
  )
  expect(ended.status).toBe(0)
  expect(ended.stderr).toMatch(/^▸ run 3: /m)
  expect(ended.stdout).toMatch(/^3 runs of the same code, 6 comparisons: \d false alarms, \d inconclusive\./)
  expect(ended.stdout).toMatch(/^\| tmpfs 1MB mapped +\|/m)
  expect(ended.stdout).toMatch(/^band: .+\ntime: not in use, because the number of samples is set /m)
  expect(await readdir(folder.path)).toHaveLength(3)
})

test('calibrate --recorded judges recorded runs by the rules of the gate, and measures nothing', async () => {
  await using folder = await temporaryFolder()
  for (const [index, run] of sameThingTwice.slice(0, 2).entries())
    await writeFile(join(folder.path, `run-${index}.json`), resultsText(run))
  const ended = await cli(['calibrate', '--recorded', folder.path])
  expect(ended).toMatchObject({ status: 0, stderr: '' })
  expect(ended.stdout).toContain(
    '2 comparisons of the same code: 2 pass, 0 inconclusive, 0 with a regression.',
  )
})

test('calibrate --recorded needs two runs', async () => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'other.json'), '{}')
  const ended = await cli(['calibrate', '--recorded', folder.path])
  expect(ended.status).toBe(1)
  expect(ended.stderr).toContain('found:    0 results.json, and 1 files that are no results')
})
