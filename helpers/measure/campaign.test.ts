import { expect, test } from 'vitest'
import type { CriuOptions, Settings } from '../config/options.ts'
import { resolveSettings } from '../config/settings.ts'
import { sampledOf } from '../gate/sampled.ts'
import type { MeasuredSuite } from '../gate/verdict.ts'
import { caseGroups } from '../matrix/case-matrix.ts'
import { start } from '../process/daemon.ts'
import { openSandbox } from '../sandbox/sandbox.ts'
import { brokenStrategy } from '../testing/broken-strategy.ts'
import { CONTAINER } from '../testing/checkpoints.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { messageOf } from '../testing/messages.ts'
import { GB } from '../units.ts'
import { Campaign, type CampaignPlan } from './campaign.ts'

type Suspects = (suites: readonly MeasuredSuite[]) => ReadonlyMap<MeasuredSuite, readonly string[]>

/** A campaign with a native handler, what it reports, and its cases. */
function campaignWith(options: CriuOptions, suspectsAmong: Suspects = () => new Map()) {
  const settings = resolveSettings({ sizes: ['1MB'], warmup: 0, containerName: CONTAINER, ...options }, {})
  const groups = caseGroups({ handler: 'native' }, settings, GB).map((group) => ({ group, selected: group.cases })) // prettier-ignore
  return campaignOf(groups, settings, suspectsAmong)
}

function campaignOf(groups: CampaignPlan['groups'], settings: Settings, suspectsAmong: Suspects) {
  const lines: string[] = []
  const campaign = new Campaign({
    groups,
    settings,
    progressOf: (title) => (line) => lines.push(`${title}: ${line}`),
    suspectsAmong: (suites) => Promise.resolve(suspectsAmong(suites)),
  })
  return { campaign, lines, cases: groups.flatMap(({ selected }) => selected) }
}

const setUpsOf = ({ samples }: Pick<MeasuredSuite, 'samples'>) =>
  new Set(samples.map(({ setUp = 0 }) => setUp))

test('each case is set up several times, in turn with the others, and keeps the set-ups apart', async () => {
  await expectNothingLeft(async () => {
    const { campaign, lines, cases } = campaignWith({ sizes: ['1MB', '4MB'], iterations: 4, setUps: 2 })
    const [small, large] = cases
    if (!small || !large) throw new Error('no cases')
    const { suite, again } = await campaign.resultOf(small)
    expect(again).toBeUndefined()
    const setUps = lines.filter((line) => /: set-up \d/.test(line))
    expect(setUps).toEqual([1, 2].flatMap((count) => cases.map(({ title }) => `${title}: set-up ${count}/2`)))
    for (const measured of [suite, (await campaign.resultOf(large)).suite]) {
      expect([...setUpsOf(measured)].slice(0, 2)).toEqual([0, 1])
      expect(sampledOf(measured, 'dump').taken).toBe(measured.dumps.length)
      expect(measured.samples.filter(({ setUp = 0 }) => setUp === 1)).toHaveLength(2)
      expect(measured.figures.find(({ phase }) => phase === 'cold start')?.n).toBe(measured.samples.length)
    }
  })
})

/** The cold start of the first case. */
const suspected: Suspects = (suites) => new Map(suites.slice(0, 1).map((suite) => [suite, ['cold start']]))

test('a suspected change is measured again with new set-ups, after all others, and a retry measures anew', async () => {
  await expectNothingLeft(async () => {
    const { campaign, lines, cases } = campaignWith({ sizes: ['1MB', '4MB'], iterations: 2, setUps: 2 }, suspected) // prettier-ignore
    const [small, large] = cases
    if (!small || !large) throw new Error('no cases')
    const { suite, again } = await campaign.resultOf(small)
    expect(again?.dumps).toEqual([])
    expect(again && setUpsOf(again)).toEqual(new Set([0, 1]))
    expect((await campaign.resultOf(large)).again).toBeUndefined()
    const confirming = lines.findIndex((line) => line.includes('differs from the baseline'))
    expect(lines.findLastIndex((line) => line.startsWith(large.title))).toBeLessThan(confirming)
    const retried = await campaign.resultOf(small)
    expect(retried.suite.samples).not.toEqual(suite.samples)
  })
})

test('a set-up that the machine disturbed is made again, kept, and left out of what is compared', async () => {
  await expectNothingLeft(async () => {
    await using sandbox = await openSandbox(`${CONTAINER}-noise`)
    await using _busy = start(sandbox, { argv: ['sh', '-c', 'while :; do :; done'], failed: 'cannot spin', fix: 'none' }) // prettier-ignore
    const { campaign, lines, cases } = campaignWith({ iterations: 1, time: 800, setUps: 1 })
    const [only] = cases
    if (!only) throw new Error('no case')
    const { suite } = await campaign.resultOf(only)
    const replaced = lines.filter((line) =>
      line.includes('another set-up for one that the machine disturbed'),
    )
    expect(replaced).toHaveLength(2)
    expect(setUpsOf(suite)).toEqual(new Set([0, 1, 2]))
    expect(suite.samples.some(({ noise }) => noise?.join().includes('other programs used'))).toBe(true)
  })
})

test('a group that cannot be set up fails its own cases only', async () => {
  await expectNothingLeft(async () => {
    const { campaign, cases } = campaignWith({ sizes: ['1MB', '100000GB'], iterations: 1, setUps: 2 })
    const [small, huge] = cases
    if (!small || !huge) throw new Error('no cases')
    expect((await campaign.resultOf(small)).suite.samples.length).toBeGreaterThan(1)
    expect(await messageOf(() => campaign.resultOf(huge))).toContain('memory')
  })
})

test('a strategy that fails in one set-up fails its own case only', async () => {
  const options: CriuOptions = { sizes: ['1MB'], strategies: ['lazy', 'mapped', 'eager'], iterations: 2, setUps: 2, warmup: 0, containerName: CONTAINER } // prettier-ignore
  const settings = resolveSettings(options, {})
  const [group] = caseGroups({ handler: 'native' }, settings, GB)
  const [unprepared, unrestored, eager] = group?.cases ?? []
  const [checkpoint] = group?.checkpoints ?? []
  if (!group || !checkpoint || !unprepared || !unrestored || !eager) throw new Error('no cases')
  const cases = [
    { ...unprepared, strategy: brokenStrategy('lazy', 'prepare') },
    { ...unrestored, strategy: brokenStrategy('mapped', 'command') },
    eager,
  ]
  const own = { ...group, cases, checkpoints: [{ ...checkpoint, cases }] }
  await expectNothingLeft(async () => {
    const { campaign } = campaignOf([{ group: own, selected: cases }], settings, () => new Map())
    const [lazy, mapped] = cases.map((each) => messageOf(() => campaign.resultOf(each)))
    expect(setUpsOf((await campaign.resultOf(eager)).suite).size).toBeGreaterThanOrEqual(2)
    expect(await lazy).toContain('tmpfs 1MB lazy: no')
    expect(await mapped).toContain('tmpfs 1MB mapped: cannot run /missing')
  })
})
