import { randomUUID } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeFolder } from '../host/folders.ts'
import { localHost } from '../host/host.ts'

/**
 * Makes a file or folder from a draft beside it, which `write` fills: readers see the whole of it or nothing. The draft's
 * name is unique, so that several processes can make the same thing at once. Of files the last one wins, of folders the
 * first.
 */
export async function makeViaDraft(file: string, write: (draft: string) => Promise<unknown>): Promise<void> {
  const draft = `${file}.draft-${randomUUID()}`
  await makeFolder(localHost, dirname(file))
  try {
    await write(draft)
    await rename(draft, file).catch((error: unknown) => {
      if (!isTaken(error)) throw error
    })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** Another process has made the folder meanwhile. */
const isTaken = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOTEMPTY' || error.code === 'EEXIST')
