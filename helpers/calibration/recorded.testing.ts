import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { Results, type SuiteResults } from '../../reports/results.ts'
import { ungated } from '../gate/verdict.ts'
import { summarize } from '../stats/summary.ts'
import { results } from '../testing/results.ts'

const Row = z.array(z.number())
const Recorded = z.array(
  z.object({
    createdAt: z.string(),
    suites: z.array(
      z.object({
        label: z.string(),
        size: z.int(),
        coldStarts: Row,
        coldStartControls: Row,
        dumps: Row,
        dumpControls: Row,
        disturbedDumps: Row,
        disturbedSamples: Row,
      }),
    ),
  }),
)

/**
 * Six runs of the same code within seven quiet minutes, on a virtual machine with two processors: what the gate needs of
 * them. An earlier gate found a regression in 11 of their 30 ordered pairs.
 */
export const sameThingTwice: Results[] = Recorded.parse(
  JSON.parse(readFileSync(new URL('./same-thing-twice.json', import.meta.url), 'utf8')),
).map(({ createdAt, suites }) => Results.parse({ ...results(...suites.map(suiteOf)), createdAt }))

function conditions(controls: readonly number[], disturbed: readonly number[], index: number) {
  return {
    control: controls[index],
    ...(disturbed.includes(index) && { noise: ['other programs used the processor'] }),
  }
}

function suiteOf(row: z.infer<typeof Recorded>[number]['suites'][number]): SuiteResults {
  const { label, size } = row
  const samples = row.coldStarts.map((coldStart, index) => ({
    points: pointsOf(coldStart),
    checksum: 'abc',
    stats: {},
    ...conditions(row.coldStartControls, row.disturbedSamples, index),
  }))
  const dumps = row.dumps.map((total, index) => ({
    total,
    wall: total,
    stats: {},
    ...conditions(row.dumpControls, row.disturbedDumps, index),
  }))
  const figures = [
    { phase: 'dump', ...summarize('dump', row.dumps) },
    { phase: 'cold start', ...summarize('cold start', row.coldStarts) },
  ].map((figure) => ({ ...figure, verdict: ungated('recorded') }))
  return { title: `tmpfs ${label} mapped`, label, size, filesystem: 'tmpfs', strategy: 'mapped', mounted: 'tmpfs', handler: 'python', baseImage: 'criu', checksum: 'abc', mapped: 0, copied: 0, control: 'control-1', figures, dumps, samples } // prettier-ignore
}

/** The time points of a cold start, in ms, that is all execution. */
function pointsOf(coldStart: number) {
  const end = String(Math.round(coldStart * 1e6))
  return { spawned: '0', containerStarted: '0', restoreStarted: '0', handlerStarted: '0', handlerEnded: end, containerGone: end } // prettier-ignore
}
