import { readFile } from 'node:fs/promises'
import { localHost, hostPath, type Host } from '../host/host.ts'

/** What /proc/PID/stat tells of a process, as far as this project reads it; proc_pid_stat(5) has all fields. */
export interface ProcessStat {
  readonly name: string
  /** One letter: "R" runs, "Z" is a zombie. */
  readonly state: string
  readonly parent: number
  readonly processGroup: number
  /** Number of the controlling terminal; 0 for none. */
  readonly terminal: number
  /** Flags of the kernel's include/linux/sched.h: PF_EXITING and others. */
  readonly flags: number
  /** Page faults without and with I/O. */
  readonly minorFaults: number
  readonly majorFaults: number
  /** User and system time of the process and of its children that it has waited for, clock ticks. */
  readonly cpuTicks: number
  /** Clock ticks since boot. */
  readonly startTime: string
}

/** Parses the text of /proc/PID/stat. */
export function parseStat(text: string): ProcessStat {
  // The name, in brackets, may hold anything, brackets, blanks and newlines included: the last bracket ends it.
  const [start, end] = [text.indexOf('('), text.lastIndexOf(')')]
  const fields = text.slice(end + 2).split(' ')
  // Fields are counted from 1, as in the manual; the first one after the name is number 3.
  const field = (number: number): string => fields[number - 3] ?? ''
  return {
    name: text.slice(start + 1, end),
    state: field(3),
    parent: Number(field(4)),
    processGroup: Number(field(5)),
    terminal: Number(field(7)),
    flags: Number(field(9)),
    minorFaults: Number(field(10)),
    majorFaults: Number(field(12)),
    cpuTicks: [14, 15, 16, 17].reduce((sum, number) => sum + Number(field(number)), 0),
    startTime: field(22),
  }
}

/** The stat of a process of `host`; undefined when the process has ended, zombies included. */
export async function readStat(
  pid: number | string,
  host: Host = localHost,
): Promise<ProcessStat | undefined> {
  const text = await readFile(hostPath(host, `/proc/${pid}/stat`), 'utf8').catch(() => '')
  const stat = text === '' ? undefined : parseStat(text)
  return stat?.state === 'Z' ? undefined : stat
}

/**
 * When a process was started, in clock ticks since boot. Pids are used again: pid and start time together name one
 * process. Undefined when the process has ended, zombies included.
 */
export const startTimeOf = async (pid: number, host: Host = localHost): Promise<string | undefined> =>
  (await readStat(pid, host))?.startTime
