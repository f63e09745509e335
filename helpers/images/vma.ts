import type { VmaEntry } from './generated/criu_pb.ts'

/** Bits of the status of a VMA (virtual memory area): its kind of memory. */
export const vmaStatus = {
  REGULAR: 1 << 0,
  STACK: 1 << 1,
  VSYSCALL: 1 << 2,
  VDSO: 1 << 3,
  HEAP: 1 << 5,
  FILE_PRIVATE: 1 << 6,
  FILE_SHARED: 1 << 7,
  ANON_SHARED: 1 << 8,
  ANON_PRIVATE: 1 << 9,
  SYSVIPC: 1 << 10,
  SOCKET: 1 << 11,
  VVAR: 1 << 12,
  AIORING: 1 << 13,
  MEMFD: 1 << 14,
  SHSTK: 1 << 15,
  GUARD: 1 << 16,
  UPROBES: 1 << 17,
} as const

/** Whether a VMA is of one of these kinds. */
export function isVma(vma: VmaEntry, ...kinds: (keyof typeof vmaStatus)[]): boolean {
  return kinds.some((kind) => (vma.status & vmaStatus[kind]) !== 0)
}
