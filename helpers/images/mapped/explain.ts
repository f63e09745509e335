import { entriesOf } from '../image.ts'
import { imageIn, type ImageSet } from '../image-set.ts'
import { pageSize } from '../pagemap.ts'
import { liveProcesses } from '../processes.ts'
import { areasOf, type Area } from './areas.ts'
import { programFiles } from './program-files.ts'

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
  return liveProcesses(set).map((process) => {
    const { pid, mm } = process
    const pagemap = imageIn(set, 'PAGEMAP', `pagemap-${pid}.img`, `the memory of process ${pid}`)
    const { areas } = areasOf(
      mm.vmas,
      entriesOf(pagemap, 'PAGEMAP'),
      pageSize(mm),
      programFiles(set, process),
    )
    const pagesFile = `pages-${pagemap.first.message.pagesId}.img`
    return { pid, areas, pageSize: Number(pageSize(mm)), pagesFile }
  })
}
