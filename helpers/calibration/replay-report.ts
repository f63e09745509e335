import { markdownTable } from 'markdown-table'
import type { Results } from '../../reports/results.ts'
import type { Sensitivity } from '../gate/change.ts'
import { halves, orderedPairs, replay, slowed, type Pair, type Replay } from './replay.ts'

/** How much slower cold starts are made, as a share. */
const PLANTED = [0.1, 0.2] as const

/** What the gate says about recorded runs of the same code, and about the same runs made slower, as Markdown. */
export function replayReport(recorded: readonly Results[], sensitivity: Sensitivity): string {
  // What `calibrate` keeps has runs with delays as well.
  const runs = recorded.filter(({ options }) => options['injectedDelay'] === undefined)
  const single = runs.every(hasOneSetUp)
  const joined = single ? halves(runs) : []
  return [
    ...section(`${runs.length} runs, compared one by one`, orderedPairs(runs), sensitivity),
    ...(joined.length > 0
      ? section('The same runs as set-ups, three against three', joined, sensitivity)
      : []),
  ].join('\n\n')
}

const hasOneSetUp = ({ suites }: Results): boolean =>
  suites.every(({ dumps, samples }) => [...dumps, ...samples].every(({ setUp = 0 }) => setUp === 0))

function section(title: string, pairs: readonly Pair[], sensitivity: Sensitivity): string[] {
  const unchanged = replay(pairs, sensitivity)
  const { pass, inconclusive, regression } = unchanged.outcomes
  const planted = PLANTED.map(
    (level) =>
    replay(pairs.map(([before, now]): Pair => [before, slowed(now, level)]), sensitivity), // prettier-ignore
  )
  return [
    `## ${title}`,
    `${pairs.length} comparisons of the same code: ${pass} pass, ${inconclusive} inconclusive, ${regression} with a regression.`,
    verdictTable(unchanged),
    'The same comparisons with every cold start made slower: how many are found to be a regression, and how many pass.',
    plantedTable(planted),
  ]
}

/** The verdicts of a replay, a line for each row. */
export function verdictTable({ rows }: Replay): string {
  const header = ['row', 'pass', 'inconclusive', 'regression', 'improvement', 'spread of a run', 'without drift'] // prettier-ignore
  const body = [...rows].map(([title, { verdicts, raw, ratios }]) => [
    title,
    ...(['pass', 'inconclusive', 'regression', 'improvement'] as const).map((state) => String(verdicts[state])),
    spreadOf(raw),
    spreadOf(ratios),
  ]) // prettier-ignore
  return markdownTable([header, ...body], { align: ['l', ...header.slice(1).map(() => 'r' as const)] })
}

/** The standard deviation of one side, from the logarithms of the ratios of two. */
const spreadOf = (logarithms: readonly number[]): string =>
  percent(Math.sqrt(logarithms.reduce((sum, each) => sum + each ** 2, 0) / logarithms.length / 2), 1)

export const percent = (part: number, digits = 0): string => `${(part * 100).toFixed(digits)} %`

function plantedTable(planted: readonly Replay[]): string {
  const titles = [...(planted[0]?.rows.keys() ?? [])].filter((title) => title.startsWith('cold start'))
  const header = ['row', ...PLANTED.flatMap((level) => [`+${level * 100} % found`, 'pass'])]
  const body = titles.map((title) => [
    title,
    ...planted.flatMap(({ rows }) => {
      const { pass = 0, regression = 0 } = rows.get(title)?.verdicts ?? {}
      return [String(regression), String(pass)]
    }),
  ])
  return markdownTable([header, ...body], { align: ['l', ...header.slice(1).map(() => 'r' as const)] })
}
