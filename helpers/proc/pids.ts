import { readFile } from 'node:fs/promises'
import { localHost, hostPath, type Host } from '../host/host.ts'

/**
 * When a process was started, in clock ticks since boot: the 22nd field of /proc/PID/stat. With the pid it names one
 * process, though pids are used again. Undefined for one that has ended, a zombie included.
 */
export async function startTimeOf(pid: number, host: Host = localHost): Promise<string | undefined> {
  const stat = await readFile(hostPath(host, `/proc/${pid}/stat`), 'utf8').catch(() => undefined)
  // The name, in brackets, may hold anything, brackets and blanks included.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields?.[0] === 'Z' ? undefined : fields?.[19]
}
