import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** Draws from the standard normal distribution (Box and Muller's transform), the same for the same seed. */
export function gaussian(seed: number): () => number {
  const random = xoroshiro128plus(seed)
  return () =>
    Math.sqrt(-2 * Math.log(1 - uniformFloat64(random))) * Math.cos(2 * Math.PI * uniformFloat64(random))
}
