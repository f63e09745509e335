import { formatMilliseconds } from './format.ts'
import type { FigureResults, Results, SuiteResults, VerdictResults } from './results.ts'
import { hasFailed, rowsOf } from './rows.ts'

const coldStart = ({ figures }: SuiteResults): FigureResults | undefined =>
  figures.find(({ phase }) => phase === 'cold start')

/** What the ratios of the headline's suites are to. */
const PEERS: Readonly<Record<VerdictResults['source'], (verdict: VerdictResults) => string>> = {
  reference: () => 'the MITOSIS reference',
  tmpfs: () => 'tmpfs in the same run',
  threshold: ({ of }) => (of === undefined ? 'the threshold' : `${of} in the same run`),
  none: () => '',
}

const axesOf = ({ filesystem, strategy, handler, cold }: SuiteResults): string =>
  [filesystem, strategy, handler, cold].join()

/** The suites that the headline is of: those that the reference is of, or where there are none, what ran first. */
export function leadingSuites({ suites }: Results): SuiteResults[] {
  const measured = suites.filter((suite) => coldStart(suite))
  const lead = measured.find((suite) => coldStart(suite)?.verdict.source === 'reference')
  const first = lead ?? measured[0]
  if (!first) return []
  return measured
    .filter((suite) => axesOf(suite) === axesOf(first))
    .toSorted((one, other) => one.size - other.size)
}

const time = (suite: SuiteResults): string =>
  `${formatMilliseconds(coldStart(suite)?.median ?? Number.NaN)} ms`

/** What a run is read for, in a sentence: how fast does a checkpoint start here? */
export function headline(results: Results): string {
  const suites = leadingSuites(results)
  const [smallest] = suites
  const largest = suites.at(-1)
  if (!smallest || !largest) return 'No cold start was measured.'
  const first = `A ${smallest.label} process starts from its checkpoint in ${time(smallest)}`
  return smallest === largest ? `${first}.` : `${first}, a ${largest.label} one in ${time(largest)}.`
}

/** What the headline is of, and how it stands to the reference. */
export function subline(results: Results): string {
  const suites = leadingSuites(results)
  const [first] = suites
  if (!first) return ''
  const ratios = suites.flatMap((suite) => coldStart(suite)?.verdict.ratio ?? [])
  const range = [...new Set([Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2)))]
  const verdict = coldStart(first)?.verdict
  const held =
    ratios.length === 0
      ? ''
      : ` ${range.join(' to ')} × ${verdict === undefined ? '' : PEERS[verdict.source](verdict)}.`
  return `${first.filesystem}, ${first.strategy} restore, ${first.handler} handler${first.cold ? ', out of a cold cache' : ''}; medians of ${coldStart(first)?.n} runs.${held}`
}

/** "36 figures: 30 within, 1 beyond their limit, 5 not gated". */
export function tally(results: Results): string {
  const rows = rowsOf(results)
  const beyond = rows.filter(hasFailed).length
  const ungated = rows.filter(({ figure }) => figure.verdict.state === 'ungated' && !figure.baseline).length
  const counts = [
    `${rows.length - beyond - ungated} within their limit`,
    `${beyond} beyond`,
    `${ungated} not gated`,
  ]
  return `${rows.length} figures: ${counts.join(', ')}.`
}
