import { isFieldSet } from '@bufbuild/protobuf'
import { PagemapEntrySchema } from './generated/criu_pb.ts'
import type { MmEntry, PagemapEntry } from './generated/criu_pb.ts'

/** Bits of the flags of a pagemap entry. Only PRESENT pages are in pages-N.img. */
export const pagemapFlag = { PARENT: 1, LAZY: 2, PRESENT: 4 } as const

/** Number of pages of a pagemap entry. CRIU versions write it into different fields. */
export function pageCount(entry: PagemapEntry): bigint {
  return isFieldSet(entry, PagemapEntrySchema.field.nrPages) ? entry.nrPages : BigInt(entry.compatNrPages)
}

/** Flags of a pagemap entry. Entries of old CRIU versions have no flags; theirs are derived. */
export function pagemapFlags(entry: PagemapEntry): number {
  if (entry.inParent) return entry.flags | pagemapFlag.PARENT
  return isFieldSet(entry, PagemapEntrySchema.field.flags) ? entry.flags : pagemapFlag.PRESENT
}

/** Number of pages of one pagemap that are in its pages-N.img. */
export function storedPages(entries: readonly PagemapEntry[]): bigint {
  const stored = entries.filter((entry) => pagemapFlags(entry) & pagemapFlag.PRESENT)
  return stored.reduce((sum, entry) => sum + pageCount(entry), 0n)
}

/** AT_PAGESZ, see getauxval(3). */
const pageSizeKey = 6n

/** Page size in bytes of the dumped machine, from the auxiliary vector of a process. */
export function pageSize(mm: MmEntry): bigint {
  const auxv = mm.mmSavedAuxv
  const key = auxv.findIndex((word, index) => index % 2 === 0 && word === pageSizeKey)
  return (key >= 0 ? auxv[key + 1] : undefined) ?? 4096n
}
