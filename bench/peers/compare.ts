import { inject, type TestContext } from 'vitest'
import { NoiseMonitor } from '../../helpers/measure/noise.ts'
import { takeSamples, type Subject } from '../../helpers/measure/sampler.ts'
import { report } from '../../helpers/plugin/side-by-side.ts'
import type { Sandbox } from '../../helpers/sandbox/sandbox.ts'
import { medianOf, varianceOfMedian } from '../../helpers/stats/bootstrap.ts'
import { formatMilliseconds } from '../../helpers/units.ts'
import type { Measure, Peer } from './peer.ts'
import type { SideBySideValue } from '../../reports/side-by-side.ts'
import { missingFor } from './site.ts'

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

/** A median with its 95 % interval, by resampling. */
export function medianWithInterval(samples: readonly number[]): SideBySideValue {
  const value = medianOf(samples)
  const error = 1.96 * Math.sqrt(varianceOfMedian(samples))
  return { value, interval: [value - error, value + error], n: samples.length }
}

const NOTE =
  'Measured in turn, each in memory and with the same CRIU. From the start of the command to its end, or for a restore to ' +
  "the process' answer: medians with 95 % intervals. A ratio is that of two medians."

/** Measures in turn, reports a table, and returns the medians. */
export async function compare(
  context: Pick<TestContext, 'task'>,
  title: string,
  measures: ReadonlyMap<string, Measure>,
  sandbox: Sandbox,
): Promise<Medians> {
  const names = [...measures.keys()]
  const subjects = [...measures].map(([name, measure]) => subjectOf(`${title} ${name}`, measure))
  const taken = await takeSamples(subjects, inject('criu'), new NoiseMonitor([sandbox]))
  const samples = taken.map((each) => each.map(({ took }) => took))
  const medians = samples.map(medianOf)
  const rows = samples.map((each, index) => ({
    name: names[index] ?? '',
    values: [medianWithInterval(each), { value: medianOf(each) / (medians[0] ?? Number.NaN) }],
  }))
  const columns = [
    { name: 'median', unit: 'ms' },
    { name: `× ${names[0]}`, unit: '' },
  ]
  report(context, { title, note: NOTE, columns, rows })
  return new Map(names.map((name, index) => [name, medians[index] ?? Number.NaN]))
}

const subjectOf = (title: string, measure: Measure): Subject<{ readonly took: number }> => ({
  noun: 'iteration',
  control: undefined,
  measure: async () => ({ took: await measure() }),
  progress: (which, { took }) => console.error(`▸ ${title}: ${which}: ${formatMilliseconds(took)} ms`),
})
