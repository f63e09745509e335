import { Results, RESULTS_VERSION, type SuiteResults } from '../../reports/results.ts'
import type { Settings } from '../config/options.ts'
import { closeFilesystems } from '../filesystems/index.ts'
import { compareResults, suspectsAmong } from '../gate/baseline.ts'
import { ungated } from '../gate/verdict.ts'
import { fingerprint } from '../machine/fingerprint.ts'
import { availableMemory } from '../machine/memory.ts'
import { caseGroups } from '../matrix/case-matrix.ts'
import { Campaign } from '../measure/campaign.ts'
import { measureNoise } from '../measure/noise.ts'
import { DELAY_PLACES } from '../restore/injected-delay.ts'
import type { Disturbance } from './disturbance.ts'

/** Injected delays, as shares of the cold start. */
export const DELAY_LEVELS = [0.05, 0.1, 0.2, 0.5] as const

export interface CalibrationPlan {
  readonly settings: Settings
  /** Disturbs the machine during the second measurement and those with a delay. Nothing does by default. */
  readonly disturb?: (() => Disturbance) | undefined
}

/** The verdict on a cold start with an injected delay. */
export interface Delayed {
  /** "tmpfs 16MB mapped". */
  readonly title: string
  readonly where: (typeof DELAY_PLACES)[number]
  /** The delay as a share of the baseline's median. */
  readonly level: number
  /** A comparison with the baseline. Its suite with the delay is one of the suites that had none. */
  readonly results: Results
}

export interface CalibrationRun {
  readonly before: Results
  /** The same code again, compared with `before`. */
  readonly now: Results
  readonly delayed: readonly Delayed[]
}

/**
 * One run of the calibration: the same code twice, as the gate measures it, with its set-ups, and with a second
 * measurement of suspected changes. Delays are then injected in one place and in one suite, which change from run to
 * run.
 */
export async function calibrateOnce(
  run: number,
  { settings, disturb }: CalibrationPlan,
): Promise<CalibrationRun> {
  const before = await measureRun(settings)
  await using _disturbance = disturb?.()
  const now = compareResults(await measureRun(settings, before), baselineOf(before), settings)
  const suite = before.suites[run % before.suites.length]
  const where = DELAY_PLACES[Math.floor(run / before.suites.length) % DELAY_PLACES.length] ?? 'launcher'
  const delayed: Delayed[] = []
  for (const level of suite ? DELAY_LEVELS : []) {
    const results = await measureDelay({ settings, before, now, suite }, where, level)
    if (suite) delayed.push({ title: suite.title, where, level, results })
  }
  return { before, now, delayed }
}

const baselineOf = (results: Results) => ({ name: 'calibration', results })

interface Measured {
  readonly settings: Settings
  readonly before: Results
  readonly now: Results
  readonly suite: SuiteResults | undefined
}

/** Measures one suite with a delay. A single slower row among unchanged rows is the hardest case to find. */
async function measureDelay(
  { settings, before, now, suite }: Measured,
  where: Delayed['where'],
  level: number,
): Promise<Results> {
  const median = suite?.figures.find(({ phase }) => phase === 'cold start')?.median ?? 0
  const injectedDelay = { where, milliseconds: level * median }
  const only = (title: string) => title === suite?.title
  const slower = await measureRun({ ...settings, injectedDelay }, before, only)
  const suites = now.suites.map((each) => slower.suites.find(({ title }) => title === each.title) ?? each)
  return compareResults({ ...slower, suites }, baselineOf(before), settings)
}

/** Measures the selected cases once, as a gated run does. Without a baseline nothing is measured a second time. */
export async function measureRun(
  settings: Settings,
  before?: Results,
  isSelected: (title: string) => boolean = () => true,
): Promise<Results> {
  const groups = caseGroups({}, settings, await availableMemory())
    .map((group) => ({ group, selected: group.cases.filter(({ title }) => isSelected(title)) }))
    .filter(({ selected }) => selected.length > 0)
  const [createdAt, noise] = [new Date().toISOString(), await measureNoise()]
  const campaign = new Campaign({
    groups,
    settings,
    progressOf: () => () => {},
    suspectsAmong: (suites) =>
      Promise.resolve(before ? suspectsAmong(suites, baselineOf(before), settings) : new Map()),
  })
  try {
    const suites: SuiteResults[] = []
    for (const each of groups.flatMap(({ selected }) => selected)) {
      const { suite, again } = await campaign.resultOf(each)
      const figures = suite.figures.map((figure) => ({ ...figure, verdict: ungated('a calibration') }))
      suites.push({ ...suite, figures, ...(again && { again }) })
    }
    return Results.parse({ version: RESULTS_VERSION, createdAt, fingerprint: await fingerprint(), options: settings, noise, suites }) // prettier-ignore
  } finally {
    await closeFilesystems()
  }
}
