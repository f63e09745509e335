import { isFieldSet } from '@bufbuild/protobuf'
import { PagemapEntrySchema } from './generated/criu_pb.ts'
import type { MmEntry, PagemapEntry } from './generated/criu_pb.ts'

/** Bits of a pagemap entry's flags: where its pages are. Only PRESENT pages are in pages-N.img. */
export const pagemapFlag = { PARENT: 1, LAZY: 2, PRESENT: 4 } as const

/** Pages that a pagemap entry stands for, in whichever field this CRIU version writes it. */
export function pageCount(entry: PagemapEntry): bigint {
  return isFieldSet(entry, PagemapEntrySchema.field.nrPages) ? entry.nrPages : BigInt(entry.compatNrPages)
}

/** Flags of a pagemap entry, of those too that an old CRIU wrote without any. */
export function pagemapFlags(entry: PagemapEntry): number {
  if (entry.inParent) return entry.flags | pagemapFlag.PARENT
  return isFieldSet(entry, PagemapEntrySchema.field.flags) ? entry.flags : pagemapFlag.PRESENT
}

/** Pages that the entries of one pagemap have in their pages-N.img. */
export function storedPages(entries: readonly PagemapEntry[]): bigint {
  const stored = entries.filter((entry) => pagemapFlags(entry) & pagemapFlag.PRESENT)
  return stored.reduce((sum, entry) => sum + pageCount(entry), 0n)
}

/** AT_PAGESZ of getauxval(3). */
const pageSizeKey = 6n

/** Bytes of a page on the machine that was dumped, from the auxiliary vector of one of its processes. */
export function pageSize(mm: MmEntry): bigint {
  const auxv = mm.mmSavedAuxv
  const key = auxv.findIndex((word, index) => index % 2 === 0 && word === pageSizeKey)
  return (key >= 0 ? auxv[key + 1] : undefined) ?? 4096n
}
