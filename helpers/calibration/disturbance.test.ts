import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { resolveSettings } from '../config/settings.ts'
import { holdsWithin } from '../process/wait.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { disturb } from './disturbance.ts'
import { calibrationReport } from './report.ts'

/** The command lines of the children of this process. */
async function commands(): Promise<string> {
  const pids = (await readFile(`/proc/self/task/${process.pid}/children`, 'utf8')).trim().split(' ')
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return lines.join('\n')
}

const isDisturbed = async (): Promise<boolean> => /while :; do/.test(await commands())

test('a disturbance runs one of its programs within seconds, and leaves none', async () => {
  await expectNothingLeft(async () => {
    await using _disturbance = disturb(1)
    // The longest pause is 8 s.
    expect(await holdsWithin(isDisturbed, { limit: 20_000, interval: 20 })).toBe(true)
  })
})

test('the report of a calibration says that the machine was disturbed on purpose', () => {
  const calibration = {
    batch: 'disturbed',
    createdAt: 'now',
    minutes: 1,
    settings: resolveSettings({}, {}),
    runs: [],
  }
  const said = 'The machine was disturbed on purpose'
  expect(calibrationReport({ ...calibration, disturbed: true })).toContain(said)
  expect(calibrationReport({ ...calibration, disturbed: false })).not.toContain(said)
})
