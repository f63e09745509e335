/**
 * Student's distribution for whole degrees of freedom, by its finite series (Abramowitz and Stegun, 26.7.3 and 26.7.4).
 * Degrees of freedom that are not whole are rounded down, which makes intervals slightly wider.
 */
export function studentCdf(t: number, degrees: number): number {
  const df = Math.max(1, Math.min(MANY, Math.floor(degrees)))
  const angle = Math.atan(t / Math.sqrt(df))
  const cos2 = Math.cos(angle) ** 2
  const isOdd = df % 2 === 1
  let term = isOdd ? Math.cos(angle) : 1
  let sum = df === 1 ? 0 : term
  for (let k = isOdd ? 3 : 2; k < df; k += 2) {
    term *= ((k - 1) / k) * cos2
    sum += term
  }
  const within = isOdd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum
  return Math.min(1, Math.max(0, (1 + within) / 2))
}

/** More degrees of freedom than this change a quantile by less than 0.5 %. */
const MANY = 500

/** The value that Student's distribution exceeds with the probability 1 - `p`. `p` is between 0.5 and 1. */
export function studentQuantile(p: number, degrees: number): number {
  let [low, high] = [0, 1]
  while (studentCdf(high, degrees) < p && high < HUGE) high *= 2
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2
    if (studentCdf(middle, degrees) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}

const HUGE = 2 ** 30
/** Halvings: enough for the precision of a double. */
const STEPS = 60
