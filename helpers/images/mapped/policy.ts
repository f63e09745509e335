import { KB, type Bytes } from '../../units.ts'
import type { VmaEntry } from '../generated/criu_pb.ts'
import { isVma } from '../vma.ts'

/** Bits of the mmap flags of a VMA, from sys/mman.h. */
const MAP_GROWSDOWN = 0x0100
const MAP_LOCKED = 0x2000
const MAP_HUGETLB = 0x4_0000
/** The number of this advice in madvise(2), which is its bit in VmaEntry.madv. */
const MADV_WIPEONFORK = 18n

/** Reading less memory than this is faster than mapping it, and needs no additional VMA. */
export const WORTH_MAPPING: Bytes = 256 * KB

/** An area is mapped if at least one page in so many is in the dump. */
const SPARSEST = 512n

export interface Decision {
  readonly mapped: boolean
  /** Why this memory is mapped from the backing file, or read before the process runs. Shown by `explain`. */
  readonly why: string
}

const eager = (why: string): Decision => ({ mapped: false, why })

/** The launcher guards mapped memory by a filter. */
export const notUnderFilter = (why: string): Decision =>
  eager(`${why}: mapped memory needs a filter of the launcher`)

/** What the dump has of a VMA. */
export interface Contents {
  /** Bytes of its pages. */
  readonly present: Bytes
  /** Whether any of its pages are in a parent dump. */
  readonly inParent: boolean
  /** Whether it is a private mapping of a program's file. */
  readonly isProgramData: boolean
  /** Areas with less in the dump are read. */
  readonly worthMapping: Bytes
}

/** Decides whether a VMA becomes a private mapping of the backing file. The first rule that matches decides. */
export function decide(vma: VmaEntry, contents: Contents): Decision {
  const { present, inParent, isProgramData, worthMapping } = contents
  if (isVma(vma, 'FILE_PRIVATE') && !isProgramData)
    return eager('a private mapping of a file that is no program: only its changed pages are in the dump')
  if (!isVma(vma, 'ANON_PRIVATE', 'FILE_PRIVATE')) return eager('not private memory')
  if (isVma(vma, 'VDSO', 'VVAR', 'VSYSCALL')) return eager('mapped by the kernel: vdso, vvar or vsyscall')
  if (isVma(vma, 'AIORING', 'SHSTK', 'GUARD', 'UPROBES'))
    return eager('special to the kernel: an AIO ring, a shadow stack, guard pages or uprobes')
  if (isVma(vma, 'STACK') || (vma.flags & MAP_GROWSDOWN) !== 0) return eager('a stack, which can grow')
  if ((vma.flags & MAP_LOCKED) !== 0) return eager('locked in memory (mlock)')
  if ((vma.flags & MAP_HUGETLB) !== 0) return eager('huge pages of hugetlbfs')
  if ((vma.madv >> MADV_WIPEONFORK) & 1n)
    return eager('wiped on fork (MADV_WIPEONFORK), which file mappings do not support')
  if (inParent) return eager('some of its pages are in a parent dump')
  if (present < worthMapping)
    return eager(`only ${present / KB} kB in the dump: reading is faster than mapping`)
  if (vma.end - vma.start > BigInt(present) * SPARSEST)
    return eager(
      `sparse: less than one page in ${SPARSEST} is in the dump, and the size of a file is limited`,
    )
  return {
    mapped: true,
    why: isProgramData ? "a program's own data, with the bytes of its file" : 'private anonymous memory',
  }
}
