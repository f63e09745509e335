import { readFile } from 'node:fs/promises'
import { localHost, hostPath, type Host } from '../host/host.ts'

/** One line of /proc/PID/mountinfo. */
export interface MountEntry {
  /** Mount point, as the host sees it. */
  readonly point: string
  readonly type: string
  readonly source: string
}

/** The mounts of a host, in mount order. */
export async function readMounts(host: Host = localHost): Promise<MountEntry[]> {
  // In a sandbox's /proc there is no "self" for this process, which is not in its PID namespace: read its init instead.
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

/** The kernel escapes blanks, tabs, newlines and backslashes in paths as octal numbers. */
const unescape = (path: string): string =>
  path.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCodePoint(Number.parseInt(octal, 8)))
