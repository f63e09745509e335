import { aroundAll, beforeEach, inject, TestRunner } from 'vitest'
import type { RunnerTask } from 'vitest'
import type { SuiteResults } from '../../reports/results.ts'
import { toleranceOf } from '../config/settings.ts'
import { orFirstError } from '../errors.ts'
import { judgeSuite } from '../gate/judge.ts'
import type { Thresholds } from '../gate/thresholds.ts'
import type { MeasuredSuite } from '../gate/verdict.ts'
import { comparableCases, groupOf, type BenchmarkCase, type CaseGroup } from '../matrix/benchmark-case.ts'
import { Campaign } from '../measure/campaign.ts'
import { keepLogs } from '../measure/kept-logs.ts'
import { Session } from '../measure/session.ts'
import { measuredSuite } from '../measure/suite-results.ts'
import { atCallSite } from './call-site.ts'
import { suspects } from './confirm.ts'
import { progressOf } from './progress.ts'
import { defineSuiteRun, markFailed, type SuiteRun } from './suite-run.ts'

/**
 * For the tests and hooks of a suite, ms: every external call has its own limit, and this one is for their sum. With
 * several set-ups the first suite of a file waits for those of all suites.
 */
export const TIME_LIMIT = 6 * 60 * 60_000

export function checkpointed(
  benchmarkCase: BenchmarkCase,
  group: CaseGroup = groupOfOne(benchmarkCase),
  thresholds: Thresholds = {},
): SuiteRun {
  const shared = sharedStateOf(group)
  // The tests that the describe block will declare inherit its options.
  const { options, suite: declared } = TestRunner.getCurrentSuite()
  if (options) options.timeout ??= TIME_LIMIT
  if (declared) declared.meta.criuCase = benchmarkCase.title
  skipWhereMissing(benchmarkCase, group)
  // oxlint-disable-next-line no-empty-pattern -- vitest requires a pattern as the second parameter
  aroundAll(async (runSuite, {}, suite) => {
    const selectedOf = ({ cases }: CaseGroup) =>
      cases.filter((each) => missingFor(each) === undefined && isSelected(suite.file.tasks, each.title))
    const selected = selectedOf(group)
    if (!selected.includes(benchmarkCase)) return runSuite()
    if (isCampaign()) {
      const groups = campaignScopes.get(group) ?? [group]
      shared.campaign ??= campaignOf(groups, selectedOf)
      return runSuite()
    }
    shared.session ??= orFirstError(Session.open(group, selected, inject('criu'), progressOf))
    const { session } = shared
    shared.remaining ??= selected.length
    try {
      await atCallSite(group, () => session).catch((error: unknown) => {
        markFailed(suite, error)
        throw error
      })
      await runSuite()
    } finally {
      shared.remaining -= 1
      // A session that failed to open has cleaned up after itself, and its error was thrown above.
      const last = shared.remaining === 0 ? await session.catch(() => undefined) : undefined
      if (last) await orFirstError(last[Symbol.asyncDispose]())
    }
  }, TIME_LIMIT)
  const measure = () => measureAndJudge(shared, benchmarkCase, group, thresholds)
  return defineSuiteRun(async () => withLogs(await measure(), benchmarkCase, declared?.id))
}

async function measureAndJudge(
  { campaign, session }: Shared,
  benchmarkCase: BenchmarkCase,
  group: CaseGroup,
  thresholds: Thresholds,
): Promise<SuiteResults> {
  // A suite is built from all its samples, so only thresholds that need the others pay for that.
  const others = comparesCases(thresholds) ? comparableCases(group, benchmarkCase) : []
  if (campaign) {
    const { suite, again } = await campaign.resultOf(benchmarkCase)
    const comparable = await campaign.suitesOf(others)
    return { ...judge(benchmarkCase, suite, comparable, thresholds), ...(again && { again }) }
  }
  if (!session)
    throw new Error(`${benchmarkCase.title} was not prepared: call checkpointed() inside describe()`)
  return judge(benchmarkCase, ...(await measureOnce(await session, benchmarkCase, others)), thresholds)
}

/** Keeps CRIU's logs, if the option asks for it. vitest makes a suite's id of its file, its project and its place there. */
async function withLogs(results: SuiteResults, benchmarkCase: BenchmarkCase, id = ''): Promise<SuiteResults> {
  const output = inject('criuOutput')
  if (inject('criu').keep === undefined || output === null) return results
  const name = `${results.title} ${results.handler} ${id}`.replaceAll(/[^\w.]+/g, '-')
  const kept = await keepLogs(benchmarkCase, results, { output, name })
  return kept ? { ...results, kept } : results
}

/** Makes groups share one campaign: their set-ups are interleaved. Groups of which only some are used may share it, too. */
export function shareCampaign(groups: readonly CaseGroup[]): void {
  for (const group of groups) campaignScopes.set(group, groups)
}

const campaignScopes = new WeakMap<CaseGroup, readonly CaseGroup[]>()
const campaigns = new WeakMap<readonly CaseGroup[], Campaign>()

/** Runs with several set-ups, and runs that may measure a change again, measure everything before they judge anything. */
const isCampaign = (): boolean => inject('criu').setUps > 1 || inject('criuBaseline') !== null

function campaignOf(
  scope: readonly CaseGroup[],
  selectedOf: (group: CaseGroup) => BenchmarkCase[],
): Campaign {
  const known = campaigns.get(scope)
  if (known) return known
  const groups = scope
    .map((group) => ({ group, selected: selectedOf(group) }))
    .filter(({ selected }) => selected.length > 0)
  const campaign = new Campaign({ groups, settings: inject('criu'), progressOf, suspectsAmong: suspects })
  campaigns.set(scope, campaign)
  return campaign
}

/** The suite of a case with one set-up, and those that it can be compared with. */
async function measureOnce(
  session: Session,
  benchmarkCase: BenchmarkCase,
  comparable: readonly BenchmarkCase[],
): Promise<[MeasuredSuite, MeasuredSuite[]]> {
  const measured = measuredSuite(benchmarkCase, await session.measure(benchmarkCase))
  const others = comparable.length > 0 ? await session.measurementsOf(comparable) : []
  return [measured, others.map(([each, measurement]) => measuredSuite(each, measurement))]
}

/** What this worker has measured, for comparisons with tmpfs. A retry replaces the earlier measurement. */
const measuredHere = new Map<BenchmarkCase, MeasuredSuite>()

function judge(
  benchmarkCase: BenchmarkCase,
  measured: MeasuredSuite,
  comparable: readonly MeasuredSuite[],
  thresholds: Thresholds,
): SuiteResults {
  const settings = inject('criu')
  measuredHere.set(benchmarkCase, measured)
  // Thresholds do not apply to a start from scratch, which other strategies are compared with.
  const applicable = benchmarkCase.strategy.fromScratch ? {} : thresholds
  return judgeSuite(
    measured,
    { tolerance: toleranceOf(settings), ratios: settings.ratios, thresholds: applicable },
    { sameRun: [...measuredHere.values()], comparable },
  )
}

function skipWhereMissing(benchmarkCase: BenchmarkCase, group: CaseGroup): void {
  const missing = missingFor(benchmarkCase)
  if (missing === undefined) return
  beforeEach(async ({ skip, task }) => {
    const { asked = [] } = inject('criuUnusable') ?? {}
    const isAsked = asked === 'by title' || asked.some((word) => task.file.filepath.includes(word))
    await atCallSite(group, async () => {
      if (isAsked) throw new Error(`${benchmarkCase.title}: ${missing}`)
    })
    skip(`${benchmarkCase.title}: ${missing}`)
  })
}

const comparesCases = (thresholds: Thresholds): boolean =>
  Object.values(thresholds).some((threshold) => typeof threshold === 'object')

/** Why this machine cannot run a suite, or undefined if it can. A filesystem that `-t` names fails instead. */
const missingFor = ({ filesystem, strategy }: BenchmarkCase): string | undefined =>
  inject('criuUnusable')?.reason ?? inject('criuMissing')[filesystem.name] ?? strategy.missing?.()

/** A group that contains only this case. */
const groupOfOne = (benchmarkCase: BenchmarkCase): CaseGroup =>
  groupOf([{ ...benchmarkCase, cases: [benchmarkCase] }])

/** The state that the suites of one group share while they run. */
interface Shared {
  /** With several set-ups, instead of a session. */
  campaign?: Campaign
  session?: Promise<Session>
  /** Suites that still need the session. */
  remaining?: number
}

const sharedStates = new WeakMap<CaseGroup, Shared>()

function sharedStateOf(group: CaseGroup): Shared {
  const known = sharedStates.get(group) ?? {}
  sharedStates.set(group, known)
  return known
}

/** Whether the suite with this title has a test that will run. */
const isSelected = (tasks: readonly RunnerTask[], title: string): boolean =>
  tasks.some(
    (task) => task.type === 'suite' && (task.name === title ? willRun(task) : isSelected(task.tasks, title)),
  )

const willRun = (task: RunnerTask): boolean =>
  task.mode !== 'skip' && task.mode !== 'todo' && (task.type === 'test' || task.tasks.some(willRun))
