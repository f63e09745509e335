import type { VmaEntry } from '../generated/criu_pb.ts'
import type { Area } from './areas.ts'
import type { SharedAreas } from './shared.ts'

/** File offsets and addresses are equal modulo the size of a huge page, so that the kernel can map huge pages. */
const HUGE_PAGE = 2n * 1024n * 1024n

/**
 * Where memory is in the backing file: first anonymous memory, then programs' own data, then what their files have
 * there, in as many bytes and in the same order.
 */
export interface Layout {
  /** Offset of each mapped VMA. */
  readonly offsets: ReadonlyMap<VmaEntry, bigint>
  readonly size: bigint
  /** Where programs' own data starts, and its length; 0 bytes if there is none. */
  readonly data: { readonly offset: bigint; readonly length: bigint }
}

/** Allocates a part of the backing file to each mapped area that does not share that of another process. */
export function layOut(areas: readonly Area[], shared: SharedAreas, bytesPerPage: bigint): Layout {
  const mapped = areas.filter(({ decision, vma }) => decision.mapped && !shared.has(vma))
  const offsets = new Map<VmaEntry, bigint>()
  let size = 0n
  const allocate = ({ vma }: Area, offset: bigint): void => {
    offsets.set(vma, offset)
    size = offset + (vma.end - vma.start)
  }
  for (const area of mapped.filter(({ file }) => !file)) allocate(area, alignedTo(area.vma.start, size))
  // After a gap, because the kernel merges mappings that adjoin in memory and in the file.
  const offset = size + bytesPerPage
  const withFile = mapped.filter(({ file }) => file)
  size = withFile.length === 0 ? size : offset
  for (const area of withFile) allocate(area, size)
  for (const [vma, { owner }] of shared) offsets.set(vma, offsets.get(owner) ?? 0n)
  const length = withFile.length === 0 ? 0n : size - offset
  return { offsets, size: size + length, data: { offset, length } }
}

const alignedTo = (address: bigint, offset: bigint): bigint =>
  offset + ((((address - offset) % HUGE_PAGE) + HUGE_PAGE) % HUGE_PAGE)
