import { describe, expect, test } from 'vitest'
import { resolveSettings } from '../config/settings.ts'
import { parseHandler } from '../handlers/definition.ts'
import { messageOf } from '../testing/messages.ts'
import { GB, MB } from '../units.ts'
import { caseGroups, type CaseMatrix } from './case-matrix.ts'
import { phasesOf } from './phases.ts'

const settings = resolveSettings({ sizes: ['1MB'], link: { bandwidth: '100mbit' } }, {})
const titlesOf = (matrix: CaseMatrix): string[][] =>
  caseGroups(matrix, settings, 64 * GB).map(({ cases }) => cases.map(({ title }) => title))

describe('a case matrix', () => {
  test('has one group for each filesystem and size, with a case for each strategy', () => {
    const matrix: CaseMatrix = { sizes: [MB, '4MB'], strategies: ['mapped', 'eager'] }
    expect(titlesOf(matrix)).toEqual([
      ['tmpfs 1MB mapped', 'tmpfs 1MB eager'],
      ['tmpfs 4MB mapped', 'tmpfs 4MB eager'],
    ])
  })

  test('puts tmpfs first, because the gate compares other filesystems with it', () => {
    expect(titlesOf({ filesystems: ['ext4', 'tmpfs'] })).toEqual([['tmpfs 1MB mapped'], ['ext4 1MB mapped']])
    expect(titlesOf({ filesystems: ['tmpfs', 'ext4'] })).toEqual([['tmpfs 1MB mapped'], ['ext4 1MB mapped']])
  })

  test('adds cold cases on filesystems that can drop their cache', () => {
    expect(titlesOf({ filesystems: ['tmpfs', 'ext4'], cold: true })).toEqual([
      ['tmpfs 1MB mapped'],
      ['ext4 1MB mapped'],
      ['ext4 1MB mapped cold'],
    ])
  })

  test('restores on a second host if it can mount the filesystem', () => {
    expect(titlesOf({ filesystems: ['tmpfs', 'ceph'], restoreOn: 'namespace' })).toEqual([
      ['tmpfs 1MB mapped'],
      ['ceph 1MB mapped on namespace 100mbit'],
    ])
  })

  test('puts interleaved sizes into one group', () => {
    expect(titlesOf({ sizes: ['1MB', '4MB'], interleave: true })).toEqual([
      ['tmpfs 1MB mapped', 'tmpfs 4MB mapped'],
    ])
  })

  test('has a checkpoint for each CRIU, in one group, so that their figures can be compared', () => {
    const matrix: CaseMatrix = {
      strategies: ['mapped', 'eager'],
      criu: { stock: 'build', mine: '/opt/criu' },
    }
    const [group, ...others] = caseGroups(matrix, settings, GB)
    expect(others).toEqual([])
    expect(group?.checkpoints.map(({ cases }) => cases.map(({ title }) => title))).toEqual([
      ['tmpfs 1MB mapped stock', 'tmpfs 1MB eager stock'],
      ['tmpfs 1MB mapped mine', 'tmpfs 1MB eager mine'],
    ])
  })

  test('has one case, labelled with its name, for a handler without sizes', () => {
    const handler = parseHandler({ name: 'hello', command: ['/bin/hello'], memory: '32MB' })
    const [group] = caseGroups({ handler, sizes: ['1MB', '4MB'] }, settings, GB)
    expect(group?.cases).toMatchObject([
      { title: 'tmpfs hello mapped', label: 'hello', size: 32 * MB, handler },
    ])
  })

  test('shares one checkpoint between the strategies of a size', () => {
    const [group] = caseGroups({ strategies: ['mapped', 'lazy'] }, settings, GB)
    expect(group?.checkpoints).toHaveLength(1)
    expect(group?.checkpoints[0]?.cases).toEqual(group?.cases)
  })

  test('refuses an invalid size', async () => {
    expect(await messageOf(() => titlesOf({ sizes: ['much'] }))).toContain(
      'cannot read the size of restoreSuite()\n  found:    "much"',
    )
  })
})

const phases = (matrix: CaseMatrix) =>
  caseGroups(matrix, settings, GB).flatMap(({ cases }) => cases.map((each) => phasesOf(each).join(', ')))

test('the phases of a case depend on its handler and its strategy', () => {
  const server = parseHandler({
    name: 'server',
    command: ['/bin/server'],
    ready: { socket: '127.0.0.1:80' },
    trigger: { request: 'http://127.0.0.1/' },
    done: 'response',
  })
  expect(phases({ strategies: ['mapped', 'lazy', 'plain'] })).toEqual([
    'dump, rewrite, lean container, restore, execution, cold start',
    'dump, lean container, restore, execution, cold start, drain',
    'lean container, startup, execution, cold start, warm call',
  ])
  expect(phases({ strategies: ['lazy', 'plain'], handler: server })).toEqual([
    'dump, lean container, first response, cold start',
    'lean container, first response, cold start, warm call',
  ])
  expect(phases({ strategies: ['plain'], handler: { ...server, warmups: 0 } })).toEqual([
    'lean container, first response, cold start',
  ])
})
