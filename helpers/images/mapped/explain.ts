import type { ImageSet } from '../image-set.ts'
import type { Area } from './areas.ts'
import { memoriesOf } from './memory.ts'

/** The memory of one process of a dump. Each area has the decision of a rewrite and its reason. */
export interface Explained {
  readonly pid: number
  readonly areas: readonly Area[]
  /** Bytes. */
  readonly pageSize: number
  /** Name of the pages file in the dump. */
  readonly pagesFile: string
}

/** The decisions of rewriteMapped, without rewriting. Throws a CriuBenchError for an invalid set. */
export function explainMapped(set: ImageSet): Explained[] {
  return memoriesOf(set).map(({ pid, areas, bytesPerPage, pagesFile }) => ({
    pid,
    areas,
    pageSize: Number(bytesPerPage),
    pagesFile,
  }))
}
