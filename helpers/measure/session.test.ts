import { expect, test } from 'vitest'
import type { StrategyName } from '../config/names.ts'
import { resolveSettings } from '../config/settings.ts'
import type { CriuOptions } from '../config/options.ts'
import { caseGroups } from '../matrix/case-matrix.ts'
import { CONTAINER } from '../testing/checkpoints.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { GB } from '../units.ts'
import { Session } from './session.ts'

function groupWith(options: CriuOptions, strategies: StrategyName[]) {
  const settings = resolveSettings({ sizes: ['1MB'], warmup: 0, containerName: CONTAINER, ...options }, {})
  const [group] = caseGroups({ handler: 'native', strategies }, settings, GB)
  if (!group) throw new Error('no case')
  return { settings, group, cases: group.cases }
}

test('a second measurement is in turn with a neighbour, and says where that has changed as well; dumps are shared', async () => {
  const { settings, group, cases } = groupWith({ iterations: 2 }, ['mapped', 'eager'])
  const [mapped, eager] = cases
  if (!mapped || !eager) throw new Error('no cases')
  await expectNothingLeft(async () => {
    const lines: string[] = []
    await using session = await Session.open(group, cases, settings, (title) => (line) => lines.push(`${title}: ${line}`)) // prettier-ignore
    await session.measure(mapped)
    const seen: number[] = []
    const quiet = await session.measureAgain(mapped, (_, before, now) => void seen.push(before.length, now.length)) // prettier-ignore
    expect(seen).toEqual([2, 2])
    expect(quiet.samples).toHaveLength(2)
    expect(lines).toContain('tmpfs 1MB mapped: differs from the baseline: measuring a second time, in turn with tmpfs 1MB eager') // prettier-ignore
    const dumps = await session.dumpAgain(mapped)
    expect(dumps).toHaveLength(2)
    // The strategies of a checkpoint share its dumps, the second ones as well.
    expect(await session.dumpAgain(eager)).toBe(dumps)
    const { samples } = await session.measureAgain(mapped, () => 1.5)
    for (const { noise } of samples)
      expect(noise).toContain('its neighbour tmpfs 1MB eager took 1.50 × as long as before')
  })
})

test('takes as many samples and dumps as the time has room for', async () => {
  const { settings, group, cases } = groupWith({ iterations: 1, time: 500 }, ['mapped'])
  const [mapped] = cases
  if (!mapped) throw new Error('no case')
  await expectNothingLeft(async () => {
    await using session = await Session.open(group, cases, settings, () => () => {})
    const { samples, prepared } = await session.measure(mapped)
    expect(samples.length).toBeGreaterThan(2)
    expect(prepared.dumps.length).toBeGreaterThan(2)
    // On a filesystem without servers each has its control.
    for (const { control } of [...samples, ...prepared.dumps]) expect(control).toBeGreaterThan(0)
  })
})

test('a retry measures anew, and only what was selected is prepared', async () => {
  const { settings, group, cases } = groupWith({ iterations: 1 }, ['mapped', 'eager'])
  const [mapped, eager] = cases
  if (!mapped || !eager) throw new Error('no cases')
  await expectNothingLeft(async () => {
    await using session = await Session.open(group, [mapped], settings, () => () => {})
    const first = await session.measure(mapped)
    const second = await session.measure(mapped)
    expect(second.samples).toHaveLength(1)
    expect(second.samples).not.toEqual(first.samples)
    await expect(session.measure(eager)).rejects.toThrow('tmpfs 1MB eager was not prepared')
  })
})
