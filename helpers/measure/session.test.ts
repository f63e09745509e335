import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { StrategyName } from '../config/names.ts'
import { resolveSettings } from '../config/settings.ts'
import type { CriuOptions } from '../config/options.ts'
import { parseHandler, type Handler } from '../handlers/definition.ts'
import { caseGroups } from '../matrix/case-matrix.ts'
import { brokenStrategy } from '../testing/broken-strategy.ts'
import { CONTAINER } from '../testing/checkpoints.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { GB, KB, MB } from '../units.ts'
import { Session } from './session.ts'
import { measuredSuite } from './suite-results.ts'

function groupWith(options: CriuOptions, strategies: StrategyName[], handler: Handler | 'native' = 'native') {
  const settings = resolveSettings({ sizes: ['1MB'], warmup: 0, containerName: CONTAINER, ...options }, {})
  const [group] = caseGroups({ handler, strategies }, settings, GB)
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
      expect(taken.length).toBeGreaterThan(settings.iterations)
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

/** The figures in the results of a shell whose definition names `files`. */
async function filesOf(files: readonly string[]) {
  const handler = parseHandler({
    name: 'shell',
    command: ['/bin/sh', '-c', 'echo ready; read line; echo done; read line'],
    files,
    memory: MB,
    ready: { line: 'ready' },
    trigger: { line: 'go' },
    done: { line: 'done' },
  })
  const { settings, group, cases } = groupWith({ iterations: 1 }, ['eager'], handler)
  const [eager] = cases
  if (!eager) throw new Error('no case')
  return expectNothingLeft(async () => {
    await using session = await Session.open(group, cases, settings, () => () => {})
    return measuredSuite(eager, await session.measure(eager)).files
  })
}

test('the results say how many files were copied for the restored process, and how large they are', async () => {
  await using folder = await temporaryFolder()
  const [small, large] = [join(folder.path, 'small'), join(folder.path, 'folder/large')]
  await mkdir(join(folder.path, 'folder'))
  await writeFile(small, '12345')
  await writeFile(large, Buffer.alloc(MB))
  const without = await filesOf([])
  // The shell, its library and its loader at least.
  expect(without?.count).toBeGreaterThan(2)
  expect(without?.bytes).toBeGreaterThan(100 * KB)
  expect(await filesOf([small, join(folder.path, 'folder')])).toEqual({
    count: Number(without?.count) + 2,
    bytes: Number(without?.bytes) + 5 + MB,
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
