import type { SuiteSamples, SuiteResults } from '../../reports/results.ts'
import { samplesOf, type Duration } from '../../reports/rows.ts'
import type { Milliseconds } from '../units.ts'

/** The kinds of control: starts of small processes, and work on memory. */
export const CONTROLS = ['control', 'memoryControl'] as const
export type ControlKind = (typeof CONTROLS)[number]

/** Times of a control, a fixed, unrelated workload: the speed of the machine, sample by sample. */
export interface Control {
  /** Name of the program, with a hash of its content. Times of different programs are not comparable. */
  readonly program: string
  /** How long the control took right before each sample. */
  readonly times: readonly Milliseconds[]
}

/** The samples of one figure that were taken with one set-up, in the order in which they were taken. */
export interface SetUpSamples {
  readonly samples: readonly Milliseconds[]
  /** The controls that every one of these samples has. */
  readonly controls: { readonly [kind in ControlKind]?: Control }
}

/** The samples of one figure in one run. */
export interface Sampled {
  /**
   * The set-ups that count, without their disturbed samples. All set-ups with all samples if the machine disturbed so many
   * that too few are left.
   */
  readonly setUps: readonly SetUpSamples[]
  /** How many samples were taken, and how many of them while others used the machine. */
  readonly taken: number
  readonly disturbed: number
  /** Whether too few samples were left undisturbed, so that no median can be trusted. */
  readonly isDoubtful: boolean
}

/** Fewer samples on one side give no verdict. */
export const MIN_SAMPLES = 10

/** If a larger share of the samples of a set-up was disturbed, the others cannot be trusted either. */
const MAX_DISTURBED = 1 / 3

type Suite = SuiteSamples & Pick<SuiteResults, ControlKind>

/** The samples of a phase as the gate compares them. */
export function sampledOf(suite: Suite, phase: string): Sampled {
  const taken = samplesOf(suite, phase)
  const groups = [...Map.groupBy(taken, ({ setUp }) => setUp).values()]
  const trusted = groups
    .map((group) => ({ group, quiet: group.filter(isQuiet) }))
    .filter(({ group, quiet }) => group.length - quiet.length <= group.length * MAX_DISTURBED)
  const left = trusted.reduce((sum, { quiet }) => sum + quiet.length, 0)
  const isDoubtful = left < Math.min(taken.length, MIN_SAMPLES)
  const kept = isDoubtful ? groups : trusted.map(({ quiet }) => quiet)
  return {
    setUps: kept.map((group) => setUpOf(group, suite)),
    taken: taken.length,
    disturbed: taken.length - taken.filter(isQuiet).length,
    isDoubtful,
  }
}

const isQuiet = ({ noise }: Duration): boolean => noise.length === 0

function setUpOf(group: readonly Duration[], suite: Suite): SetUpSamples {
  const controls: { [kind in ControlKind]?: Control } = {}
  for (const kind of CONTROLS) {
    const times = group.flatMap((sample) => sample[kind] ?? [])
    const program = suite[kind]
    if (program !== undefined && times.length === group.length) controls[kind] = { program, times }
  }
  return { samples: group.map(({ duration }) => duration), controls }
}

/** All samples of a row that count, whichever their set-up. */
export const allSamples = ({ setUps }: Pick<Sampled, 'setUps'>): Milliseconds[] =>
  setUps.flatMap(({ samples }) => samples)
