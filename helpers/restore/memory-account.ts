import { readFile } from 'node:fs/promises'
import { handlerFiles } from '../handlers/handler.ts'
import { parseStat } from '../proc/stat.ts'
import { KB, type Bytes } from '../units.ts'

/** The kernel's counters of the restored process, up to the end of its handler. */
export interface MemoryAccount {
  /** Page faults without I/O during restore and execution. */
  readonly minorFaults: number
  /** Page faults with I/O during restore and execution. */
  readonly majorFaults: number
  readonly rss: Bytes
  /** Proportional set size: a shared page counts in equal parts for the processes that share it. */
  readonly pss: Bytes
  /** Private copies of pages that the process wrote to. */
  readonly privateDirty: Bytes
  /** Memory in huge pages of any kind. */
  readonly huge: Bytes
}

/** Reads the counters that a handler writes next to its report. Undefined for a handler that writes none. */
export async function readAccount(folder: string): Promise<MemoryAccount | undefined> {
  const { report } = handlerFiles(folder)
  const stat = await readFile(`${report}.stat`, 'utf8').catch(() => undefined)
  const rollup = await readFile(`${report}.smaps_rollup`, 'utf8').catch(() => undefined)
  if (stat === undefined || rollup === undefined) return undefined
  const { minorFaults, majorFaults } = parseStat(stat)
  const bytes = (name: string): Bytes =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(rollup)?.[1] ?? 0) * KB
  return {
    minorFaults,
    majorFaults,
    rss: bytes('Rss'),
    pss: bytes('Pss'),
    privateDirty: bytes('Private_Dirty'),
    huge: bytes('AnonHugePages') + bytes('ShmemPmdMapped') + bytes('FilePmdMapped'),
  }
}
