import type { Settings } from '../config/options.ts'

/** A named CRIU as the results show it. */
export interface CriuRecord extends Pick<NamedCriu, 'name' | 'dump' | 'restore'> {
  readonly version: string
  /** The beginning of the SHA-256 of its program. */
  readonly hash: string
}

/** One of several CRIUs that are measured beside each other. It dumps and restores with itself. */
export interface NamedCriu {
  /** The name in titles, results and thresholds. */
  readonly name: string
  /** Where it is from, as in the option `baseImage`: its program, an image with it, or "build". */
  readonly path: string
  /** Arguments for its dumps and for its restores, in addition to the usual ones. */
  readonly dump: readonly string[]
  readonly restore: readonly string[]
}

export const namedCrius = (option: NonNullable<Settings['criu']>): NamedCriu[] =>
  Object.entries(option).map(([name, criu]) =>
    typeof criu === 'string' ? { name, path: criu, dump: [], restore: [] } : { name, ...criu },
  )
