import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { recorded } from '../../reports/recorded.testing.ts'
import { cli } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { expectNothingLeft } from '../testing/leaks.ts'

test('calibrate measures which delays the gate finds, and writes a report', async () => {
  await using folder = await temporaryFolder()
  const out = join(folder.path, 'calibration.md')
  await expectNothingLeft(async () => {
    const ended = await cli(['calibrate', '--runs', '1', '--sizes', '1MB', '--out', out], { VITEST_CRIU_ITERATIONS: '10' }) // prettier-ignore
    expect(ended.status).toBe(0)
    expect(ended.stderr).toMatch(/▸ run 1\/1: unchanged: .*; delay in the launcher: .*\+50 % /)
    expect(ended.stdout).toContain(`written to ${out}`)
  })
  const report = await readFile(out, 'utf8')
  expect(report).toContain('1 runs at 1MB, at least 10 samples')
  for (const row of ['cold start 1MB', 'dump 1MB', 'in the launcher', 'at 1MB'])
    expect(report).toMatch(new RegExp(`^\\| ${row} .*1 \\(`, 'm'))
})

test('calibrate --simulate resamples recorded samples, and measures nothing', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'results.json')
  await writeFile(file, JSON.stringify({ ...recorded, suites: recorded.suites.slice(0, 2) }))
  const ended = await cli(['calibrate', '--simulate', file])
  expect(ended).toMatchObject({ status: 0, stderr: '' })
  expect(ended.stdout).toContain('cold starts: 400 simulations each, with 30 samples a side')
  // Without a delay there is no regression. With only five recorded samples a delay may be inconclusive.
  for (const title of ['tmpfs 1MB mapped', 'tmpfs 1MB lazy'])
    expect(ended.stdout).toMatch(new RegExp(`^\\| ${title} +\\| +0 % \\(\\d+ %\\) (\\| +\\d+ % \\(\\d+ %\\) ){4}\\|$`, 'm')) // prettier-ignore
})
