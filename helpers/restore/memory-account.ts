import { readFile } from 'node:fs/promises'
import { handlerFiles } from '../handlers/handler.ts'
import { parseStat } from '../proc/stat.ts'
import { KB, type Bytes } from '../units.ts'

/** What the kernel counted for the restored process, up to the end of its handler. */
export interface MemoryAccount {
  /** Page faults without and with I/O, since the process was made: restore and execution. */
  readonly minorFaults: number
  readonly majorFaults: number
  readonly rss: Bytes
  /** Shared pages divided among those that share them. */
  readonly pss: Bytes
  /** What this process alone would give back: its copies of what it wrote to. */
  readonly privateDirty: Bytes
  /** Mapped by huge pages, of whatever kind. */
  readonly huge: Bytes
}

/** Reads the accounts that a handler keeps beside its report; undefined for a handler that keeps none. */
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
