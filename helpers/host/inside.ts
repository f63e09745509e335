import { readlink } from 'node:fs/promises'
import { join } from 'node:path'

/** As many links as the kernel follows. */
const MAX_LINKS = 40

/** Resolves symbolic links as a process with that root directory would, so that none leads out of it. */
export async function pathInside(root: string, path: string): Promise<string> {
  const waiting = path.split('/').toReversed()
  let at = '/'
  let links = 0
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const next = join(at, name)
    const target = links < MAX_LINKS ? await readlink(join(root, next)).catch(() => undefined) : undefined
    if (target === undefined) {
      at = next
      continue
    }
    links++
    if (target.startsWith('/')) at = '/'
    waiting.push(...target.split('/').toReversed())
  }
  return at
}
