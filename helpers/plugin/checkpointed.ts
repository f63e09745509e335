import { aroundAll, beforeEach, inject } from 'vitest'
import type { RunnerTask } from 'vitest'
import { toleranceOf } from '../config/settings.ts'
import { judgeSuite } from '../gate/judge.ts'
import type { Thresholds } from '../gate/thresholds.ts'
import type { MeasuredSuite } from '../gate/verdict.ts'
import { groupOf, type BenchmarkCase, type CaseGroup } from '../matrix/benchmark-case.ts'
import { Session } from '../measure/session.ts'
import { measuredSuite } from '../measure/suite-results.ts'
import { confirm } from './confirm.ts'
import { progressOf } from './progress.ts'
import { defineSuiteRun, type SuiteRun } from './suite-run.ts'

/**
 * Gives the enclosing `describe(benchmarkCase.title, …)` its checkpoint. It is mounted, dumped and copied before the
 * first test of the group that `-t` selects, and gone after the last; where `-t` selects none, nothing happens. Returns
 * the function for `bench(phase, run)`: it runs once, for all phases. The cases of a group are measured in turn, so
 * that their figures can be compared.
 */
export function checkpointed(
  benchmarkCase: BenchmarkCase,
  group: CaseGroup = aloneIn(benchmarkCase),
  thresholds: Thresholds = {},
): SuiteRun {
  const shared = sharedBy(group)
  const missing = missingFor(benchmarkCase)
  if (missing !== undefined) beforeEach(({ skip }) => skip(`${benchmarkCase.title}: ${missing}`))
  // oxlint-disable-next-line no-empty-pattern -- vitest asks for a pattern in second place
  aroundAll(async (runSuite, {}, suite) => {
    const selected = group.cases.filter(
      (each) => missingFor(each) === undefined && isSelected(suite.file.tasks, each.title),
    )
    if (!selected.includes(benchmarkCase)) return runSuite()
    shared.session ??= Session.open(group, selected, inject('criu'), progressOf)
    shared.left ??= selected.length
    try {
      await shared.session
      await runSuite()
    } finally {
      shared.left -= 1
      // A session that did not open has undone itself, and its error was thrown above.
      if (shared.left === 0) await (await shared.session.catch(() => undefined))?.[Symbol.asyncDispose]()
    }
  })
  return defineSuiteRun(async () => {
    if (!shared.session)
      throw new Error(`${benchmarkCase.title} was not prepared: call checkpointed() inside describe()`)
    return measureAndJudge(await shared.session, benchmarkCase, group, thresholds)
  })
}

/** The suites that this worker has measured: tmpfs is what others are compared with. */
const sameRun: MeasuredSuite[] = []

async function measureAndJudge(
  session: Session,
  benchmarkCase: BenchmarkCase,
  group: CaseGroup,
  thresholds: Thresholds,
) {
  const settings = inject('criu')
  const measured = measuredSuite(benchmarkCase, await session.measure(benchmarkCase))
  sameRun.push(measured)
  const checkpoint = group.checkpoints.find(({ cases }) => cases.includes(benchmarkCase))
  const sameCheckpoint = checkpoint ? await session.measurementsOf(checkpoint) : []
  // A start from scratch is what others are compared with.
  const own = benchmarkCase.strategy.fromScratch ? {} : thresholds
  const suite = judgeSuite(
    measured,
    { tolerance: toleranceOf(settings), ratios: settings.ratios, thresholds: own },
    {
      sameRun,
      sameCheckpoint: sameCheckpoint.map(([each, measurement]) => measuredSuite(each, measurement)),
    },
  )
  const again = await confirm(session, benchmarkCase, suite)
  return again ? { ...suite, again } : suite
}

/** Why this machine cannot run a suite; undefined where it can. A filesystem that `-t` names fails instead. */
const missingFor = ({ filesystem, strategy }: BenchmarkCase): string | undefined =>
  inject('criuMissing')[filesystem.name] ?? strategy.missing?.()

/** The group of a case that is measured by itself. */
const aloneIn = (benchmarkCase: BenchmarkCase): CaseGroup =>
  groupOf([{ ...benchmarkCase, cases: [benchmarkCase] }])

/** The state that the suites of one group share while they run. */
interface Shared {
  session?: Promise<Session>
  /** Suites that still need the session. */
  left?: number
}

const shares = new WeakMap<CaseGroup, Shared>()

function sharedBy(group: CaseGroup): Shared {
  const known = shares.get(group) ?? {}
  shares.set(group, known)
  return known
}

/** Whether the suite of that title has a test that will run. */
const isSelected = (tasks: readonly RunnerTask[], title: string): boolean =>
  tasks.some(
    (task) => task.type === 'suite' && (task.name === title ? willRun(task) : isSelected(task.tasks, title)),
  )

const willRun = (task: RunnerTask): boolean =>
  task.mode !== 'skip' && task.mode !== 'todo' && (task.type === 'test' || task.tasks.some(willRun))
