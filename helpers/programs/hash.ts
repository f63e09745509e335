import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'

/** The beginning of the SHA-256 of a file, for names in the cache and in results. */
export const hashOfFile = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
    .slice(0, 16)
