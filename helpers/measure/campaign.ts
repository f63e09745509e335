import type { SuiteResults } from '../../reports/results.ts'
import { samplesOf } from '../../reports/rows.ts'
import type { Settings } from '../config/options.ts'
import { sampledOf } from '../gate/sampled.ts'
import type { MeasuredSuite } from '../gate/verdict.ts'
import type { BenchmarkCase, CaseGroup } from '../matrix/benchmark-case.ts'
import { Session, type ProgressOf } from './session.ts'
import { joinSetUps, measuredSuite, samplesOfSetUps } from './suite-results.ts'

/** The measurement of a case with all its set-ups. */
export interface CampaignResult {
  readonly suite: MeasuredSuite
  /** The second measurement of the phases that seem to have changed. */
  readonly again?: NonNullable<SuiteResults['again']>
}

export interface CampaignPlan {
  /** Groups of cases. One group is set up at a time. */
  readonly groups: ReadonlyArray<{ readonly group: CaseGroup; readonly selected: readonly BenchmarkCase[] }>
  readonly settings: Settings
  readonly progressOf: ProgressOf
  /** The phases that seem to have changed, by suite, once all are measured. */
  readonly suspectsAmong: (suites: readonly MeasuredSuite[]) => Promise<ReadonlyMap<MeasuredSuite, readonly string[]>>
} // prettier-ignore

type Group = CampaignPlan['groups'][number]

/** Disturbed set-ups of a group that are made again: on a machine that is never quiet the run must end, too. */
const MAX_REPLACED = 2

/**
 * Measures groups of cases with several set-ups each: mounted, started and dumped anew. The set-ups are interleaved over
 * the run, every group once before any group again, so that those of a case lie as far apart as the run allows. Set-ups
 * that the machine disturbed are made again later, and so are those of suspected changes.
 */
export class Campaign {
  readonly #plan: CampaignPlan
  readonly #setUps = new Map<BenchmarkCase, MeasuredSuite[]>()
  readonly #errors = new Map<BenchmarkCase, unknown>()
  #results: Promise<Map<BenchmarkCase, CampaignResult>> | undefined
  /** Cases whose results were already returned. */
  readonly #handedOut = new Set<BenchmarkCase>()

  constructor(plan: CampaignPlan) {
    this.#plan = plan
  }

  /** The result of a case. The first call measures all cases. A retry measures this case alone, anew. */
  async resultOf(benchmarkCase: BenchmarkCase): Promise<CampaignResult> {
    if (this.#handedOut.has(benchmarkCase)) return this.#measureAlone(benchmarkCase)
    this.#results ??= this.#measure()
    const results = await this.#results
    this.#handedOut.add(benchmarkCase)
    const result = results.get(benchmarkCase)
    if (!result || this.#errors.has(benchmarkCase)) throw this.#errors.get(benchmarkCase)
    return result
  }

  /** The suites of other cases that were measured. */
  async suitesOf(cases: readonly BenchmarkCase[]): Promise<MeasuredSuite[]> {
    const results = await this.#results
    return cases.flatMap((each) => results?.get(each)?.suite ?? [])
  }

  #measureAlone(benchmarkCase: BenchmarkCase): Promise<CampaignResult> {
    const { group } = this.#groupOf(benchmarkCase)
    const alone = new Campaign({ ...this.#plan, groups: [{ group, selected: [benchmarkCase] }] })
    return alone.resultOf(benchmarkCase)
  }

  #groupOf(benchmarkCase: BenchmarkCase): Group {
    const group = this.#plan.groups.find(({ selected }) => selected.includes(benchmarkCase))
    if (group) return group
    throw new Error(`${benchmarkCase.title} was not selected`)
  }

  async #measure(): Promise<Map<BenchmarkCase, CampaignResult>> {
    const { groups, settings } = this.#plan
    const rounds = Array.from({ length: settings.setUps }, (_, index) => `set-up ${index + 1}/${settings.setUps}`) // prettier-ignore
    for (const which of rounds) await this.#round(groups, which, this.#setUps)
    for (let count = 0; count < MAX_REPLACED; count++) {
      const disturbed = groups.filter((group) => this.#isShort(group))
      await this.#round(disturbed, 'another set-up for one that the machine disturbed', this.#setUps)
    }
    const suites = new Map<BenchmarkCase, MeasuredSuite>()
    for (const [each, setUps] of this.#setUps) {
      const suite = joinSetUps(setUps)
      if (suite) suites.set(each, suite)
    }
    const suspects = await this.#plan.suspectsAmong([...suites.values()])
    const again = await this.#confirm(suites, suspects, rounds)
    return new Map(
      [...suites].map(([each, suite]) => {
        const second = again.get(each)
        return [each, { suite, ...(second && { again: second }) }]
      }),
    )
  }

  /** Sets up each group once, measures its cases, and removes everything. Cases that have failed are left out. */
  async #round(groups: readonly Group[], which: string, into: Map<BenchmarkCase, MeasuredSuite[]>): Promise<void> {
    for (const { group, selected } of groups) {
      const left = selected.filter((each) => !this.#errors.has(each))
      if (left.length === 0) continue
      try {
        await this.#setUp(group, left, which, into)
      } catch (error) {
        for (const each of left) this.#errors.set(each, error)
      }
      for (const each of left) if (this.#errors.has(each)) into.delete(each)
    }
  } // prettier-ignore

  async #setUp(
    group: CaseGroup,
    selected: readonly BenchmarkCase[],
    which: string,
    into: Map<BenchmarkCase, MeasuredSuite[]>,
  ): Promise<void> {
    const { progressOf } = this.#plan
    progressOf(selected.map(({ title }) => title).join(', '))(which)
    await using session = await Session.open(group, selected, this.#effort(), progressOf)
    for (const each of selected) {
      try {
        const suite = measuredSuite(each, await session.measure(each))
        into.set(each, [...(into.get(each) ?? []), suite])
      } catch (error) {
        this.#errors.set(each, error)
      }
    }
  }

  /** The part of the samples and of the time that one set-up takes. */
  #effort(): Settings {
    const { settings } = this.#plan
    const { iterations, time, setUps } = settings
    return { ...settings, iterations: Math.ceil(iterations / setUps), time: time / setUps }
  }

  /** Whether the machine disturbed so many set-ups of a group that a row has fewer than planned. */
  #isShort({ selected }: Group): boolean {
    return selected.some((each) => {
      const suite = joinSetUps(this.#setUps.get(each) ?? [])
      return suite?.figures.some(({ phase }) => {
        const { setUps, isDoubtful } = sampledOf(suite, phase)
        return samplesOf(suite, phase).length > 0 && (isDoubtful || setUps.length < this.#plan.settings.setUps)
      })
    }) // prettier-ignore
  }

  /** Measures suspected changes again, each with as many new set-ups, which begin when all others are done. */
  async #confirm(
    suites: ReadonlyMap<BenchmarkCase, MeasuredSuite>,
    suspects: ReadonlyMap<MeasuredSuite, readonly string[]>,
    rounds: readonly string[],
  ): Promise<Map<BenchmarkCase, NonNullable<SuiteResults['again']>>> {
    const phasesOf = (each: BenchmarkCase) => {
      const suite = suites.get(each)
      return (suite && suspects.get(suite)) ?? []
    }
    const groups = this.#plan.groups.filter(({ selected }) => selected.some((each) => phasesOf(each).length > 0)) // prettier-ignore
    const taken = new Map<BenchmarkCase, MeasuredSuite[]>()
    for (const which of rounds) await this.#round(groups, `differs from the baseline: measuring a second time, ${which}`, taken) // prettier-ignore
    return new Map(
      [...taken].flatMap(([each, setUps]) => {
        const phases = phasesOf(each)
        if (phases.length === 0) return []
        const { dumps, rewrites = [], samples } = samplesOfSetUps(setUps)
        const ifSuspected = <T>(phase: string, measured: T[]) => (phases.includes(phase) ? measured : [])
        return [[each, { dumps: ifSuspected('dump', dumps), rewrites: ifSuspected('rewrite', rewrites), samples: ifSuspected('cold start', samples) }]] // prettier-ignore
      }),
    )
  }
}
