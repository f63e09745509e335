/**
 * Holm's step-down procedure. Returns the level at which to test each p-value of a family, so that the probability of
 * any false rejection in the family stays below `alpha`. The smallest of m p-values is tested at alpha / m, the next at
 * alpha / (m - 1), and so on until one is not rejected. All larger p-values are tested at the level of that p-value, so
 * they are not rejected either.
 */
export function holmLevels(pValues: readonly number[], alpha: number): number[] {
  const order = pValues.map((p, index) => ({ p, index })).toSorted((one, other) => one.p - other.p)
  const levels = pValues.map(() => alpha)
  let stopped: number | undefined
  for (const [rank, { p, index }] of order.entries()) {
    const level = stopped ?? alpha / (pValues.length - rank)
    levels[index] = level
    if (p >= level) stopped ??= level
  }
  return levels
}
