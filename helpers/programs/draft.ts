import { randomUUID } from 'node:crypto'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Makes `file` from a draft beside it, which `write` fills: readers see the whole file or none. The draft's name is
 * unique, so that several processes can make the same file at once; the last one wins.
 */
export async function makeViaDraft(file: string, write: (draft: string) => Promise<unknown>): Promise<void> {
  const draft = `${file}.draft-${randomUUID()}`
  await mkdir(dirname(file), { recursive: true })
  try {
    await write(draft)
    await rename(draft, file)
  } finally {
    await rm(draft, { force: true })
  }
}
