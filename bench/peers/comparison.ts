import { inject, type TestContext } from 'vitest'
import { NoiseMonitor } from '../../helpers/measure/noise.ts'
import { takeSamples, type Subject } from '../../helpers/measure/sampler.ts'
import { medianValue, reportSideBySide } from '../../helpers/plugin/side-by-side.ts'
import type { Sandbox } from '../../helpers/sandbox/sandbox.ts'
import { formatMilliseconds } from '../../helpers/units.ts'
import { missingFor, type Peer } from './peer.ts'
import type { Measure } from './sample.ts'

/** Medians, ms, by name. The first is what the others are compared with. */
export type Medians = ReadonlyMap<string, number>

/** The measures of those peers that work here. Prints why each other one is left out. */
export async function measuresOf(
  peers: readonly Peer[],
  what: 'start' | 'restore',
  open: (peer: Peer) => Promise<Measure | undefined>,
): Promise<Map<string, Measure>> {
  const measures = new Map<string, Measure>()
  for (const peer of peers) {
    const reason = missingFor(peer) ?? (what === 'restore' ? peer.restoresNothing : undefined)
    const measure = reason === undefined ? await open(peer) : undefined
    if (measure) measures.set(peer.name, measure)
    else console.log(`not compared: ${peer.name}: ${reason}`)
  }
  return measures
}

const NOTE =
  'Measured in turn, each in memory and with the same CRIU. From the start of the command to its end, or for a restore to ' +
  "the process' answer: medians with 95 % intervals. A ratio is that of two medians."

/** What is compared: the first measure with each other one. */
export interface Comparison {
  readonly title: string
  readonly measures: ReadonlyMap<string, Measure>
  /** Whose isolation the note tells. */
  readonly peers: readonly Peer[]
}

/** Measures in turn, reports a table, and returns the medians. */
export async function compare(
  context: Pick<TestContext, 'task'>,
  { title, measures, peers }: Comparison,
  sandbox: Sandbox,
): Promise<Medians> {
  const names = [...measures.keys()]
  const subjects = [...measures].map(([name, measure]) => subjectOf(`${title} ${name}`, measure))
  const taken = await takeSamples(subjects, inject('criu'), new NoiseMonitor([sandbox]))
  const medians = taken.map((samples) => medianValue(samples.map(({ took }) => took)))
  const rows = medians.map((median, index) => ({
    name: names[index] ?? '',
    values: [median, { value: median.value / (medians[0]?.value ?? Number.NaN) }],
  }))
  const columns = [
    { name: 'median', unit: 'ms' },
    { name: `× ${names[0]}`, unit: '' },
  ]
  const isolations = peers.map(({ name, isolation }) => `${name} (${isolation})`)
  const note = `${NOTE} Namespaces and cgroup of each: ${isolations.join(', ')}.`
  reportSideBySide(context, { title, note, columns, rows })
  return new Map(rows.map(({ name, values: [median] }) => [name, median?.value ?? Number.NaN]))
}

const subjectOf = (title: string, measure: Measure): Subject<{ readonly took: number }> => ({
  noun: 'iteration',
  control: undefined,
  measure: async () => ({ took: await measure() }),
  progress: (which, { took }) => console.error(`▸ ${title}: ${which}: ${formatMilliseconds(took)} ms`),
})
