/**
 * Holm's step-down procedure over the p-values of a family: the level at which each is to be tested, so that the
 * probability of even one false rejection in the family stays below `alpha`. The smallest is tested at alpha / m, the
 * next at alpha / (m - 1), and so on up to the first that is not rejected: the rest is tested at that one's level, at
 * which it cannot be rejected either.
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
