import { formatMilliseconds } from './format.ts'
import type { FigureResults, Results, SuiteResults, VerdictResults } from './results.ts'
import { bySize, figureOf, hasFailed, rowsOf } from './rows.ts'

const coldStart = (suite: SuiteResults): FigureResults | undefined => figureOf(suite, 'cold start')

/** Names the figures that a ratio is relative to. */
const COMPARED_WITH: Readonly<Record<VerdictResults['source'], (verdict: VerdictResults) => string>> = {
  reference: () => 'the MITOSIS reference',
  tmpfs: () => 'tmpfs in the same run',
  threshold: ({ of }) => (of === undefined ? 'the threshold' : `${of} in the same run`),
  none: () => '',
}

const groupKey = ({ filesystem, strategy, criu, handler, cold, apart }: SuiteResults): string =>
  [filesystem, strategy, criu?.name, handler, cold, apart].join()

/** The suites of the headline, by size: the group that is compared with the reference, or else the first that ran. */
export function leadingSuites({ suites }: Results): SuiteResults[] {
  const measured = suites.filter((suite) => coldStart(suite))
  const lead = measured.find((suite) => coldStart(suite)?.verdict.source === 'reference')
  const first = lead ?? measured[0]
  if (!first) return []
  return bySize(measured.filter((suite) => groupKey(suite) === groupKey(first)))
}

const time = (suite: SuiteResults): string =>
  `${formatMilliseconds(coldStart(suite)?.median ?? Number.NaN)} ms`

/** How many samples of the headline's suites were disturbed, if they are most of them. */
function mostlyDisturbed(suites: readonly SuiteResults[]): string | undefined {
  const samples = suites.flatMap((suite) => suite.samples)
  const disturbed = samples.filter(({ noise = [] }) => noise.length > 0).length
  return disturbed > samples.length / 2 ? `${disturbed} of ${samples.length} samples` : undefined
}

/**
 * The main result in one sentence: how fast a process starts from its checkpoint, or that most samples were disturbed,
 * so that their figures are those of this machine at this moment.
 */
export function headline(results: Results): string {
  const suites = leadingSuites(results)
  const [smallest] = suites
  if (!smallest) return sideBySideTitles(results)
  const disturbed = mostlyDisturbed(suites)
  return disturbed === undefined
    ? fastest(smallest, suites.at(-1) ?? smallest)
    : `The machine disturbed ${disturbed}: measure again.`
}

function fastest(smallest: SuiteResults, largest: SuiteResults): string {
  const first = `A ${smallest.label} process starts from its checkpoint in ${time(smallest)}`
  return smallest === largest ? `${first}.` : `${first}, a ${largest.label} one in ${time(largest)}.`
}

/** For a run without cold starts. */
const sideBySideTitles = ({ sideBySide = [] }: Results): string =>
  sideBySide.length === 0
    ? 'No cold start was measured.'
    : `Side by side: ${sideBySide.map(({ title }) => title).join(', ')}.`

/** The conditions of the headline, and its ratio to the reference. */
export function subline(results: Results): string {
  const suites = leadingSuites(results)
  const [first] = suites
  if (!first) return ''
  const ratios = suites.flatMap((suite) => coldStart(suite)?.verdict.ratio ?? [])
  const range = [...new Set([Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2)))]
  const verdict = coldStart(first)?.verdict
  const comparison =
    ratios.length === 0
      ? ''
      : ` ${range.join(' to ')} × ${verdict === undefined ? '' : COMPARED_WITH[verdict.source](verdict)}.`
  const conditions = `${first.filesystem}, ${first.strategy} restore, ${first.handler} handler${first.cold ? ', with a cold page cache' : ''}; medians of ${coldStart(first)?.n} runs.`
  // The ratio of a disturbed run says as much about the disturbance.
  return mostlyDisturbed(suites) === undefined
    ? `${conditions}${comparison}`
    : `${conditions} As measured: ${suites.map((suite) => `${suite.label} ${time(suite)}`).join(', ')}.`
}

/** What a reader of incomplete results must know first; empty for a whole run. */
export const incompleteLine = ({ incomplete }: Results): string =>
  incomplete === undefined ? '' : `INCOMPLETE: ${incomplete}`

/** "36 figures: 30 within their limits, 1 failed, 5 not gated." */
export function tally(results: Results): string {
  const rows = rowsOf(results)
  const failed = rows.filter(hasFailed).length
  const ungated = rows.filter(({ figure }) => figure.verdict.state === 'ungated' && !figure.baseline).length
  const counts = [
    `${rows.length - failed - ungated} within their limits`,
    `${failed} failed`,
    `${ungated} not gated`,
  ]
  return `${rows.length} figures: ${counts.join(', ')}.`
}
