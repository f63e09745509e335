import { isFieldSet } from '@bufbuild/protobuf'
import { SeccompFilterSchema, type SeccompFilter } from '../generated/criu_pb.ts'
import { entryIn, type ImageSet } from '../image-set.ts'
import type { LiveProcess } from '../processes.ts'

/** Modes of seccomp(2). */
const [STRICT, FILTER] = [1, 2]

/** AUDIT_ARCH of linux/audit.h, and the numbers of system calls. */
const MACHINES: Readonly<Partial<Record<string, Machine>>> = {
  x64: {
    arch: 0xc000_003e,
    // prettier-ignore
    calls: { write: 1, close: 3, munmap: 11, rt_sigreturn: 15, setitimer: 38, getgroups: 115, setgroups: 116,
      setresuid: 117, getresuid: 118, setresgid: 119, getresgid: 120, setfsuid: 122, setfsgid: 123, capset: 126,
      prctl: 157, futex: 202, timer_settime: 223, seccomp: 317 },
  },
  arm64: {
    arch: 0xc000_00b7,
    // prettier-ignore
    calls: { close: 57, write: 64, capset: 91, futex: 98, setitimer: 103, timer_settime: 110, rt_sigreturn: 139,
      setresuid: 147, getresuid: 148, setresgid: 149, getresgid: 150, setfsuid: 151, setfsgid: 152, getgroups: 158,
      setgroups: 159, prctl: 167, munmap: 215, seccomp: 277 },
  },
}

interface Machine {
  readonly arch: number
  /** What CRIU calls in a thread that has its filters back already (criu/pie/restorer.c). */
  readonly calls: Readonly<Record<string, number>>
}

/**
 * Why these processes could not be restored under another seccomp filter, such as the one that guards mapped memory;
 * undefined if they can. CRIU suspends the filters of a process while it restores the rest of it, but the kernel does not
 * let it do so where CRIU has a filter itself.
 */
export function whyNotUnderFilter(
  set: ImageSet,
  processes: readonly LiveProcess[],
  machine = MACHINES[process.arch],
): string | undefined {
  const cores = processes.flatMap(({ threads }) =>
    threads.map((thread) => entryIn(set, 'CORE', `core-${thread}.img`, `thread ${thread}`).threadCore),
  )
  if (cores.some((core) => core?.seccompMode === STRICT))
    return "a process of the dump is in seccomp's strict mode"
  const filtered = cores.filter((core) => core?.seccompMode === FILTER)
  if (filtered.length === 0) return undefined
  const { seccompFilters } = entryIn(set, 'SECCOMP', 'seccomp.img', 'the filters of the processes')
  for (const last of new Set(filtered.map((core) => core?.seccompFilter ?? 0)))
    for (const filter of chainFrom(seccompFilters, last)) {
      const call = machine && refusedCall(filter, machine)
      if (call !== undefined) return `a process of the dump has a seccomp filter that may refuse ${call}, which CRIU calls at the end of a restore` // prettier-ignore
    }
  return machine ? undefined : 'a process of the dump has a seccomp filter'
}

/** A filter and those that were installed before it. */
function chainFrom(filters: readonly SeccompFilter[], last: number): Uint8Array[] {
  const chain: Uint8Array[] = []
  for (let at: number | undefined = last; at !== undefined && chain.length < filters.length;) {
    const entry: SeccompFilter | undefined = filters[at]
    if (!entry) break
    chain.push(entry.filter)
    at = isFieldSet(entry, SeccompFilterSchema.field.prev) ? entry.prev : undefined
  }
  return chain
}

/** The first call that a filter does not allow whatever its arguments are; undefined if it allows all of them. */
export const refusedCall = (filter: Uint8Array, { arch, calls }: Machine): string | undefined =>
  Object.entries(calls).find(([, number]) => !ALLOWING.has(resultOf(filter, { number, arch }) ?? 0))?.[0]

/** SECCOMP_RET_ALLOW and SECCOMP_RET_LOG. */
const ALLOWING: ReadonlySet<number> = new Set([0x7fff_0000, 0x7ffc_0000])

/** Bytes of an instruction: code, two short jumps, operand. */
const INSTRUCTION = 8
/** Offsets in struct seccomp_data. */
const [NUMBER, ARCH] = [0, 4]

/**
 * What a filter returns for a call. Undefined if that depends on the call's arguments, or if the filter has instructions
 * that few have: linux/bpf_common.h lists them all.
 */
function resultOf(filter: Uint8Array, call: { number: number; arch: number }): number | undefined {
  const view = new DataView(filter.buffer, filter.byteOffset, filter.byteLength)
  let accumulator = 0
  for (let at = 0; at + INSTRUCTION <= filter.length; at += INSTRUCTION) {
    const [code, ifTrue, ifFalse] = [view.getUint16(at, true), view.getUint8(at + 2), view.getUint8(at + 3)]
    const operand = view.getUint32(at + 4, true)
    const jump = (condition: boolean): void => void (at += INSTRUCTION * (condition ? ifTrue : ifFalse))
    if (code === 0x06) return operand
    else if (code === 0x20 && operand === NUMBER) accumulator = call.number
    else if (code === 0x20 && operand === ARCH) accumulator = call.arch
    else if (code === 0x05) at += INSTRUCTION * operand
    else if (code === 0x15) jump(accumulator === operand)
    else if (code === 0x25) jump(accumulator > operand)
    else if (code === 0x35) jump(accumulator >= operand)
    else if (code === 0x45) jump((accumulator & operand) !== 0)
    else if (code === 0x54) accumulator = (accumulator & operand) >>> 0
    else return undefined
  }
  return undefined
}
