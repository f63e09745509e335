import { expect, test } from 'vitest'
import type { CriuOptions, Settings } from '../config/options.ts'
import { resolveSettings } from '../config/settings.ts'
import { sampledOf } from '../gate/sampled.ts'
import type { MeasuredSuite } from '../gate/verdict.ts'
import { caseGroups } from '../matrix/case-matrix.ts'
import { openSandbox } from '../sandbox/sandbox.ts'
import { brokenStrategy } from '../testing/broken-strategy.ts'
import { CONTAINER } from '../testing/checkpoints.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { messageOf } from '../testing/messages.ts'
import { spin } from '../testing/spin.ts'
import { GB } from '../units.ts'
import { Campaign, type CampaignPlan } from './campaign.ts'

type Suspects = (suites: readonly MeasuredSuite[]) => ReadonlyMap<MeasuredSuite, readonly string[]>

/** A campaign with a native handler whose images are not rewritten, what it reports, and its cases. */
function campaignWith(options: CriuOptions, suspectsAmong: Suspects = () => new Map()) {
  const settings = resolveSettings({ sizes: ['1MB'], strategies: ['eager'], warmup: 0, containerName: CONTAINER, ...options }, {}) // prettier-ignore
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

/** The cold start of the first case. */
const suspected: Suspects = (suites) => new Map(suites.slice(0, 1).map((suite) => [suite, ['cold start']]))

test('cases are set up several times, in turn; a suspected change again, after all others; a retry measures anew', async () => {
  await expectNothingLeft(async () => {
    const { campaign, lines, cases } = campaignWith({ sizes: ['1MB', '4MB'], iterations: 4, setUps: 2 }, suspected) // prettier-ignore
    const [small, large] = cases
    if (!small || !large) throw new Error('no cases')
    const { suite, again } = await campaign.resultOf(small)
    const other = await campaign.resultOf(large)
    const setUps = lines.filter((line) => /: set-up \d/.test(line))
    expect(setUps).toEqual([1, 2].flatMap((count) => cases.map(({ title }) => `${title}: set-up ${count}/2`)))
    for (const measured of [suite, other.suite]) {
      expect([...setUpsOf(measured)].slice(0, 2)).toEqual([0, 1])
      expect(sampledOf(measured, 'dump').taken).toBe(measured.dumps.length)
      expect(measured.samples.filter(({ setUp = 0 }) => setUp === 1)).toHaveLength(2)
      expect(measured.figures.find(({ phase }) => phase === 'cold start')?.n).toBe(measured.samples.length)
    }
    expect(again?.dumps).toEqual([])
    expect(again && setUpsOf(again)).toEqual(new Set([0, 1]))
    expect(other.again).toBeUndefined()
    const confirming = lines.findIndex((line) => line.includes('differs from the baseline'))
    expect(lines.findLastIndex((line) => line.startsWith(large.title))).toBeLessThan(confirming)
    const retried = await campaign.resultOf(small)
    expect(retried.suite.samples).not.toEqual(suite.samples)
  })
})

test('a set-up that the machine disturbed is made again, kept, and left out of what is compared', async () => {
  await expectNothingLeft(async () => {
    await using sandbox = await openSandbox(`${CONTAINER}-noise`)
    await using _busy = spin(sandbox, 3)
    const { campaign, lines, cases } = campaignWith({ iterations: 1, time: 400, setUps: 1 })
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

test('a group that cannot be set up, and a strategy that fails in one set-up, fail their own cases only', async () => {
  const options: CriuOptions = { sizes: ['1MB', '100000GB'], strategies: ['lazy', 'mapped', 'eager'], iterations: 2, setUps: 2, warmup: 0, containerName: CONTAINER } // prettier-ignore
  const settings = resolveSettings(options, {})
  const [group, huge] = caseGroups({ handler: 'native' }, settings, GB)
  const [unprepared, unrestored, eager] = group?.cases ?? []
  const [checkpoint] = group?.checkpoints ?? []
  const [tooLarge] = huge?.cases ?? []
  if (!group || !huge || !checkpoint || !unprepared || !unrestored || !eager || !tooLarge)
    throw new Error('no cases')
  const cases = [
    { ...unprepared, strategy: brokenStrategy('lazy', 'prepare') },
    { ...unrestored, strategy: brokenStrategy('mapped', 'command') },
    eager,
  ]
  const own = { ...group, cases, checkpoints: [{ ...checkpoint, cases }] }
  const groups = [{ group: own, selected: cases }, { group: huge, selected: huge.cases }] // prettier-ignore
  await expectNothingLeft(async () => {
    const { campaign } = campaignOf(groups, settings, () => new Map())
    const [lazy, mapped] = cases.map((each) => messageOf(() => campaign.resultOf(each)))
    const { suite, again } = await campaign.resultOf(eager)
    expect(setUpsOf(suite).size).toBeGreaterThanOrEqual(2)
    expect(again).toBeUndefined()
    expect(await lazy).toContain('tmpfs 1MB lazy: no')
    expect(await mapped).toContain('tmpfs 1MB mapped: cannot run /missing')
    expect(await messageOf(() => campaign.resultOf(tooLarge))).toContain('memory')
  })
})
