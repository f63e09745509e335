import { markdownTable } from 'markdown-table'
import { inject } from 'vitest'
import { NoiseMonitor } from '../../helpers/measure/noise.ts'
import { takeSamples, type Subject } from '../../helpers/measure/sampler.ts'
import type { Sandbox } from '../../helpers/sandbox/sandbox.ts'
import { medianOf, varianceOfMedian } from '../../helpers/stats/bootstrap.ts'
import { formatMilliseconds } from '../../helpers/units.ts'
import type { Measure, Peer } from './peer.ts'
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

/** Measures in turn, prints a table, and returns the medians. */
export async function compare(
  title: string,
  measures: ReadonlyMap<string, Measure>,
  sandbox: Sandbox,
): Promise<Medians> {
  const names = [...measures.keys()]
  const subjects = [...measures].map(([name, measure]) => subjectOf(`${title} ${name}`, measure))
  const taken = await takeSamples(subjects, inject('criu'), new NoiseMonitor([sandbox]))
  const samples = taken.map((each) => each.map(({ took }) => took))
  const medians = samples.map(medianOf)
  const rows = samples.map((each, index) => [
    names[index] ?? '',
    formatMilliseconds(medians[index] ?? Number.NaN),
    `± ${formatMilliseconds(1.96 * Math.sqrt(varianceOfMedian(each)))}`,
    String(each.length),
    `${((medians[index] ?? Number.NaN) / (medians[0] ?? Number.NaN)).toFixed(1)} ×`,
  ])
  const header = [`${title}, ms`, 'median', '95 %', 'n', 'ratio']
  console.log(markdownTable([header, ...rows], { align: ['l', 'r', 'r', 'r', 'r'] }))
  return new Map(names.map((name, index) => [name, medians[index] ?? Number.NaN]))
}

const subjectOf = (title: string, measure: Measure): Subject<{ readonly took: number }> => ({
  noun: 'iteration',
  control: undefined,
  measure: async () => ({ took: await measure() }),
  progress: (which, { took }) => console.error(`▸ ${title}: ${which}: ${formatMilliseconds(took)} ms`),
})
