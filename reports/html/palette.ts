import type { Results } from '../results.ts'

/** Strategies in the order and colours of every chart; style.css has a light and a dark value of each variable. */
const STRATEGIES = ['mapped', 'lazy', 'eager']
const SPARE = ['var(--spare-1)', 'var(--spare-2)', 'var(--spare-3)']

/** The parts of a cold start, in the order they happen. */
export const PARTS = ['lean container', 'restore', 'execution']

export const colourOfPart = (phase: string): string => `var(--${phase.replaceAll(' ', '-')})`

/** Those of a run: known ones first, in their own colours; others in the order they ran. */
export function strategiesOf({ suites }: Results): Array<readonly [string, string]> {
  const present = [...new Set(suites.map(({ strategy }) => strategy))]
  const known = STRATEGIES.filter((strategy) => present.includes(strategy))
  const others = present.filter((strategy) => !STRATEGIES.includes(strategy))
  return [
    ...known.map((strategy) => [strategy, `var(--${strategy})`] as const),
    ...others.map((strategy, index) => [strategy, SPARE[index % SPARE.length] ?? 'currentColor'] as const),
  ]
}

/** A colour scale of exactly those strategies; what is none's own has the colour of text. */
export const scaleOf = (results: Results): { domain: string[]; range: string[]; unknown: string } => ({
  unknown: 'currentColor',
  domain: strategiesOf(results).map(([strategy]) => strategy),
  range: strategiesOf(results).map(([, colour]) => colour),
})
