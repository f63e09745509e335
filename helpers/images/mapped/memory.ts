import type { ImageOf } from '../image.ts'
import { entriesOf } from '../image.ts'
import { imageIn, type ImageSet } from '../image-set.ts'
import { pageSize } from '../pagemap.ts'
import { liveProcesses, processTree } from '../processes.ts'
import type { Bytes } from '../../units.ts'
import type { MmEntry } from '../generated/criu_pb.ts'
import { areasOf, type Area, type Run } from './areas.ts'
import { notUnderFilter, type Decision } from './policy.ts'
import { programFiles } from './program-files.ts'
import { whyNotUnderFilter } from './seccomp.ts'

/** The memory of one process of a dump. */
export interface Memory {
  readonly pid: number
  /** The process that has forked it, or 0. */
  readonly parent: number
  readonly mm: MmEntry
  readonly areas: readonly Area[]
  /** Runs of pages outside of all areas. */
  readonly loose: readonly Run[]
  readonly bytesPerPage: bigint
  /** Name of the pages file in the dump. */
  readonly pagesFile: string
  readonly images: { readonly mm: ImageOf<'MM'>; readonly pagemap: ImageOf<'PAGEMAP'> }
}

/** The memory of each process, parents before their children. Throws a CriuBenchError for an invalid set. */
export function memoriesOf(set: ImageSet, worthMapping?: Bytes): Memory[] {
  const parents = new Map(processTree(set).map(({ pid, ppid }) => [pid, ppid]))
  const live = liveProcesses(set)
  // All processes of a dump get the filter that guards mapped memory, or none.
  const why = whyNotUnderFilter(set, live)
  return live.map((process) => {
    const { pid, mm } = process
    const subject = `the memory of process ${pid}`
    const pagemap = imageIn(set, 'PAGEMAP', `pagemap-${pid}.img`, subject)
    const bytesPerPage = pageSize(mm)
    const { areas, loose } = areasOf(
      mm.vmas,
      entriesOf(pagemap, 'PAGEMAP'),
      bytesPerPage,
      programFiles(set, process),
      worthMapping,
    )
    return {
      pid,
      parent: parents.get(pid) ?? 0,
      mm,
      bytesPerPage,
      pagesFile: `pages-${pagemap.first.message.pagesId}.img`,
      images: { mm: imageIn(set, 'MM', `mm-${pid}.img`, subject), pagemap },
      areas: why === undefined ? areas : areas.map((area) => notMapped(area, notUnderFilter(why))),
      loose,
    }
  })
}

const notMapped = (area: Area, decision: Decision): Area =>
  area.decision.mapped ? { ...area, decision } : area
