import { readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { CriuBenchError } from '../errors.ts'
import { hostPath, type Host } from './host.ts'

/** As many links as the kernel follows. */
const MAX_LINKS = 40

/**
 * Resolves symbolic links as a process with that root directory would, so that none leads out of it. Names that do not
 * exist are left as they are. Throws CriuBenchError for links in a circle.
 */
export async function pathInside(root: string, path: string): Promise<string> {
  return (await resolveInside(root, path)).path
}

/** The symbolic links that lead to a path, in the order in which they are followed. Throws as `pathInside`. */
export async function linksOn(root: string, path: string): Promise<string[]> {
  return (await resolveInside(root, path)).links
}

async function resolveInside(root: string, path: string): Promise<{ path: string; links: string[] }> {
  const waiting = path.split('/').toReversed()
  let at = '/'
  const links: string[] = []
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const next = join(at, name)
    // Undefined for a name that is no link, or does not exist.
    const target = await readlink(join(root, next)).catch(() => undefined)
    if (target === undefined) {
      at = next
      continue
    }
    if (links.push(next) > MAX_LINKS) throw tooManyLinks(root, path)
    if (target.startsWith('/')) at = '/'
    waiting.push(...target.split('/').toReversed())
  }
  return { path: at, links }
}

/** The path on `host` of `path` of a rootfs, whatever links the rootfs contains. */
export async function insideRootfs(host: Host, rootfs: string, path: string): Promise<string> {
  return join(rootfs, await pathInside(hostPath(host, rootfs), path))
}

/** The same, as this process reaches it. */
export async function hostPathInside(host: Host, rootfs: string, path: string): Promise<string> {
  return hostPath(host, await insideRootfs(host, rootfs, path))
}

const tooManyLinks = (root: string, path: string): CriuBenchError =>
  new CriuBenchError({
    failed: `cannot find ${path} in ${root}`,
    found: `more than ${MAX_LINKS} symbolic links`,
    expected: 'links that end at a file or a folder',
    fix: 'correct the links in the base image',
  })
