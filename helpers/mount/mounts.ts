import { readFile } from 'node:fs/promises'
import { localHost, hostPath, type Host } from '../host/host.ts'

/** One line of /proc/PID/mountinfo. */
export interface MountEntry {
  /** Mount point, in the host's own view. */
  readonly point: string
  readonly type: string
  readonly source: string
}

/** The mounts of a host, in mount order. */
export async function readMounts(host: Host = localHost): Promise<MountEntry[]> {
  // "/proc/self" of a sandbox would be this process in another PID namespace: its init is asked instead.
  const file = host.root === '/' ? '/proc/self/mountinfo' : hostPath(host, '/proc/1/mountinfo')
  return parseMountInfo(await readFile(file, 'utf8'))
}

export function parseMountInfo(text: string): MountEntry[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [left = '', right = ''] = line.split(' - ')
      const [type = '', source = ''] = right.split(' ')
      return { point: unescape(left.split(' ')[4] ?? ''), type, source: unescape(source) }
    })
}

/** The kernel writes blanks, tabs, newlines and backslashes of paths as octal numbers. */
const unescape = (path: string): string =>
  path.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCodePoint(Number.parseInt(octal, 8)))
