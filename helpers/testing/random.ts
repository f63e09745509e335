import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** A generator of the standard normal distribution (Box-Muller transform) with a fixed seed. */
export function gaussian(seed: number): () => number {
  const random = xoroshiro128plus(seed)
  return () =>
    Math.sqrt(-2 * Math.log(1 - uniformFloat64(random))) * Math.cos(2 * Math.PI * uniformFloat64(random))
}
