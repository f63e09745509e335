import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { hostPath, type Host } from './host.ts'

/**
 * Makes a folder of a host, and its parents. The option `recursive` of Node's mkdir never returns below /proc/PID of a
 * sandbox that has ended: it looks for a parent that can be made there.
 */
export async function makeFolder(host: Host, path: string, mode = 0o777): Promise<void> {
  const parts = path.split('/').filter(Boolean)
  for (const index of parts.keys()) {
    const folder = hostPath(host, join('/', ...parts.slice(0, index + 1)))
    await mkdir(folder, { mode }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
}
