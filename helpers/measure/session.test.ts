import { expect, test } from 'vitest'
import type { StrategyName } from '../config/names.ts'
import { resolveSettings } from '../config/settings.ts'
import type { CriuOptions } from '../config/options.ts'
import { caseGroups } from '../matrix/case-matrix.ts'
import { brokenStrategy } from '../testing/broken-strategy.ts'
import { CONTAINER } from '../testing/checkpoints.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { GB } from '../units.ts'
import { Session } from './session.ts'
import { measuredSuite } from './suite-results.ts'

function groupWith(options: CriuOptions, strategies: StrategyName[]) {
  const settings = resolveSettings({ sizes: ['1MB'], warmup: 0, containerName: CONTAINER, ...options }, {})
  const [group] = caseGroups({ handler: 'native', strategies }, settings, GB)
  if (!group) throw new Error('no case')
  return { settings, group, cases: group.cases }
}

test('samples, dumps and rewrites are taken until the time is over', async () => {
  const { settings, group, cases } = groupWith({ iterations: 1, time: 500 }, ['mapped', 'eager'])
  const [mapped, eager] = cases
  if (!mapped || !eager) throw new Error('no case')
  await expectNothingLeft(async () => {
    await using session = await Session.open(group, cases, settings, () => () => {})
    const measurement = await session.measure(mapped)
    const { rewrites = [], ...suite } = measuredSuite(mapped, measurement)
    for (const taken of [suite.samples, suite.dumps, rewrites]) {
      expect(taken.length).toBeGreaterThan(2)
      // On a filesystem without servers each dump and each rewrite has its control, too.
      for (const { control } of taken) expect(control).toBeGreaterThan(0)
    }
    expect(suite.figures.find(({ phase }) => phase === 'rewrite')?.n).toBe(rewrites.length)
    // CRIU restores what it dumped: there is nothing to rewrite.
    const others = measuredSuite(eager, await session.measure(eager))
    expect(others.rewrites).toBeUndefined()
    expect(others.figures.map(({ phase }) => phase)).not.toContain('rewrite')
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

test('the failure of one strategy fails its own case alone, and says which', async () => {
  const { settings, group, cases } = groupWith({ iterations: 2 }, ['mapped', 'lazy', 'eager'])
  const [checkpoint] = group.checkpoints
  const [mapped, lazy, eager] = cases
  if (!checkpoint || !mapped || !lazy || !eager) throw new Error('no cases')
  const unprepared = { ...mapped, strategy: brokenStrategy('mapped', 'prepare') }
  const unrestored = { ...lazy, strategy: brokenStrategy('lazy', 'command') }
  const changed = [unprepared, unrestored, eager]
  const own = { ...group, cases: changed, checkpoints: [{ ...checkpoint, cases: changed }] }
  await expectNothingLeft(async () => {
    await using session = await Session.open(own, changed, settings, () => () => {})
    expect((await session.measure(eager)).samples).toHaveLength(2)
    await expect(session.measure(unprepared)).rejects.toThrow('tmpfs 1MB mapped: no')
    await expect(session.measure(unrestored)).rejects.toThrow(/^tmpfs 1MB lazy: cannot run \/missing/)
    expect((await session.measurementsOf(changed)).map(([each]) => each)).toEqual([eager])
  })
})
