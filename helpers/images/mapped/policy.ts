import { KB, type Bytes } from '../../units.ts'
import type { VmaEntry } from '../generated/criu_pb.ts'
import { isVma } from '../vma.ts'

/** Bits of a VMA's mmap flags, as in sys/mman.h. */
const MAP_GROWSDOWN = 0x0100
const MAP_LOCKED = 0x2000
const MAP_HUGETLB = 0x4_0000
/** Number of the advice in madvise(2), which is its bit in VmaEntry.madv. */
const MADV_WIPEONFORK = 18n

/** Below this reading the pages takes less time than mapping a file, and saves a VMA its own. */
const WORTH_MAPPING: Bytes = 256 * KB

export interface Decision {
  readonly mapped: boolean
  /** For people: why this memory is mapped from the backing file, or read before the process runs. */
  readonly why: string
}

const eager = (why: string): Decision => ({ mapped: false, why })

/**
 * Whether a VMA may become a private mapping of the backing file. The rules come in this order, the first that holds
 * decides. `present` is how many bytes of it are in the dump; `inParent` whether some are in a parent dump.
 */
export function decide(vma: VmaEntry, present: Bytes, inParent: boolean): Decision {
  if (isVma(vma, 'FILE_PRIVATE'))
    return eager('a file mapping of its own: only its changed pages are in the dump')
  if (!isVma(vma, 'ANON_PRIVATE')) return eager('not anonymous private memory')
  if (isVma(vma, 'VDSO', 'VVAR', 'VSYSCALL')) return eager('of the kernel, not of the process')
  if (isVma(vma, 'AIORING', 'SHSTK', 'GUARD', 'UPROBES')) return eager('memory with a meaning to the kernel')
  if (isVma(vma, 'STACK') || (vma.flags & MAP_GROWSDOWN) !== 0) return eager('a stack: it grows')
  if (isVma(vma, 'HEAP')) return eager('the heap: brk(2) grows and shrinks it')
  if ((vma.flags & MAP_LOCKED) !== 0) return eager('locked in memory')
  if ((vma.flags & MAP_HUGETLB) !== 0) return eager('of hugetlbfs')
  if ((vma.madv >> MADV_WIPEONFORK) & 1n) return eager('wiped on fork, which only anonymous memory can be')
  if (inParent) return eager('some of its pages are in a parent dump')
  if (present < WORTH_MAPPING) return eager(`${present / KB} kB in the dump: less than is worth a mapping`)
  return { mapped: true, why: 'anonymous private memory' }
}
