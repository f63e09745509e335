import { expect, test } from 'vitest'
import type { StrategyName } from '../config/names.ts'
import { resolveSettings } from '../config/settings.ts'
import type { CriuOptions } from '../config/options.ts'
import { caseGroups } from '../matrix/case-matrix.ts'
import { CriuBenchError } from '../errors.ts'
import { strategyNamed, type Strategy } from '../strategies/index.ts'
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

test('a second measurement runs in turn with another case, and is labelled if that has changed too; dumps are shared', async () => {
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
    // The strategies of a checkpoint also share its second dumps.
    expect(await session.dumpAgain(eager)).toBe(dumps)
    const { samples } = await session.measureAgain(mapped, () => 1.5)
    for (const { noise } of samples)
      expect(noise).toContain('tmpfs 1MB eager, measured in turn, took 1.50 × as long as before')
  })
})

test('samples and dumps are taken until the time is over', async () => {
  const { settings, group, cases } = groupWith({ iterations: 1, time: 500 }, ['mapped'])
  const [mapped] = cases
  if (!mapped) throw new Error('no case')
  await expectNothingLeft(async () => {
    await using session = await Session.open(group, cases, settings, () => () => {})
    const { samples, prepared } = await session.measure(mapped)
    expect(samples.length).toBeGreaterThan(2)
    expect(prepared.dumps.length).toBeGreaterThan(2)
    // On a filesystem without servers each dump has its control, too.
    for (const { control } of [...samples, ...prepared.dumps]) expect(control).toBeGreaterThan(0)
  })
})

test('a retry takes new samples, and only selected cases are prepared', async () => {
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

/** A strategy that fails while it is prepared, or while it is restored. */
const broken = (name: StrategyName, step: 'prepare' | 'command'): Strategy => ({
  ...strategyNamed(name),
  ...(step === 'prepare' && { prepare: () => Promise.reject(failure) }),
  ...(step === 'command' && {
    open: async (...on) => ({ ...(await strategyNamed(name).open(...on)), command: () => ['/missing'] }),
  }),
})
const failure = new CriuBenchError({ failed: 'no', found: 'none', expected: 'one', fix: 'none' })

test('the failure of one strategy fails its own case alone, and says which', async () => {
  const { settings, group, cases } = groupWith({ iterations: 2 }, ['mapped', 'lazy', 'eager'])
  const [checkpoint] = group.checkpoints
  const [mapped, lazy, eager] = cases
  if (!checkpoint || !mapped || !lazy || !eager) throw new Error('no cases')
  const unprepared = { ...mapped, strategy: broken('mapped', 'prepare') }
  const unrestored = { ...lazy, strategy: broken('lazy', 'command') }
  const changed = [unprepared, unrestored, eager]
  const own = { ...group, cases: changed, checkpoints: [{ ...checkpoint, cases: changed }] }
  await expectNothingLeft(async () => {
    await using session = await Session.open(own, changed, settings, () => () => {})
    expect((await session.measure(eager)).samples).toHaveLength(2)
    await expect(session.measure(unprepared)).rejects.toThrow('tmpfs 1MB mapped: no')
    await expect(session.measure(unrestored)).rejects.toThrow(/^tmpfs 1MB lazy: cannot run \/missing/)
    expect((await session.measurementsOf({ ...checkpoint, cases: changed })).map(([each]) => each)).toEqual([
      eager,
    ])
  })
})
