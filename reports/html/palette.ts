import type { Results } from '../results.ts'

/** Strategies in chart order. style.css defines the colour of each, as a variable with its name. */
const STRATEGIES = ['mapped', 'lazy', 'eager']
const SPARE = ['var(--spare-1)', 'var(--spare-2)', 'var(--spare-3)']

/** The phases that a cold start is made of, in chronological order. A start has two or three of them. */
const PARTS = ['lean container', 'restore', 'startup', 'first response', 'done', 'execution']

/** The parts that the cold starts of a run have. */
export const partsIn = ({ suites }: Pick<Results, 'suites'>): string[] =>
  PARTS.filter((part) => suites.some(({ figures }) => figures.some(({ phase }) => phase === part)))

/** What comes between the container and the handler's work has one colour, whatever it is. */
export const colourOfPart = (phase: string): string =>
  phase === 'lean container' || phase === 'execution' ? `var(--${phase.replace(' ', '-')})` : 'var(--restore)'

/** The strategies of a run with their colours: known ones first, then the others in the order in which they ran. */
export function strategiesOf({ suites }: Results): Array<readonly [string, string]> {
  const present = [...new Set(suites.map(({ strategy }) => strategy))]
  const known = STRATEGIES.filter((strategy) => present.includes(strategy))
  const others = present.filter((strategy) => !STRATEGIES.includes(strategy))
  return [
    ...known.map((strategy) => [strategy, `var(--${strategy})`] as const),
    ...others.map((strategy, index) => [strategy, SPARE[index % SPARE.length] ?? 'currentColor'] as const),
  ]
}

/** A colour scale of these strategies. Series of no strategy, such as dumps, have the colour of text. */
export const scaleOf = (results: Results): { domain: string[]; range: string[]; unknown: string } => ({
  unknown: 'currentColor',
  domain: strategiesOf(results).map(([strategy]) => strategy),
  range: strategiesOf(results).map(([, colour]) => colour),
})
