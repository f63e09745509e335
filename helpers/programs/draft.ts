import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Makes a file or folder from a draft beside it, which `write` fills: readers see the whole of it or nothing. The draft's
 * name is unique, so that several processes can make the same thing at once. Of files the last one wins, of folders the
 * first.
 */
export async function makeViaDraft(file: string, write: (draft: string) => Promise<unknown>): Promise<void> {
  const draft = `${file}.draft-${randomUUID()}`
  await makeFolder(dirname(file))
  try {
    await write(draft)
    await rename(draft, file).catch((error: unknown) => {
      if (!isTaken(error)) throw error
    })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** Like `mkdir -p`. Node's own recursive mkdir() never returns for a folder that cannot be, such as /proc/x. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder)
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return
    if (!hasCode(error, 'ENOENT') || existsSync(dirname(folder))) throw error
    await makeFolder(dirname(folder))
    await makeFolder(folder)
  }
}

/** Another process has made the folder meanwhile. */
const isTaken = (error: unknown): boolean => hasCode(error, 'ENOTEMPTY') || hasCode(error, 'EEXIST')

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code
