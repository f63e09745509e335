import { join } from 'node:path'
import { restoreCommand } from '../../criu/restore.ts'
import { BACKING_FILE, openMapped, rewriteMapped, writeMapped } from '../../images/mapped/index.ts'
import { seenFrom, type Host } from '../../system/host.ts'
import { IMAGES_FOLDER, validateImages } from '../rootfs.ts'
import type { Strategy } from './strategy.ts'

/** The folder of the rootfs for the rewritten images and their backing file. */
const MAPPED_FOLDER = '/mapped'

const folderOn = (host: Host, rootfs: string): string => seenFrom(host, join(rootfs, MAPPED_FOLDER))

/** Images rewritten so that CRIU maps memory from a file: flat in memory size, pages come in on demand. */
export const mapped: Strategy = {
  name: 'mapped',
  async prepare(host, { path }) {
    const set = await validateImages(host, join(path, IMAGES_FOLDER))
    await writeMapped(set, rewriteMapped(set, join(MAPPED_FOLDER, BACKING_FILE)), folderOn(host, path))
  },
  async open(host, { path, criu }) {
    const { check, mapped: bytes, copied, range } = await openMapped(folderOn(host, path))
    return {
      strategy: 'mapped',
      command: (folder, afterwards) => restoreCommand(criu, MAPPED_FOLDER, folder, afterwards),
      // What the process discards must read as zeros, as anonymous memory does, and not as the file.
      guard: range && { ...range, file: join(MAPPED_FOLDER, BACKING_FILE) },
      check,
      mapped: bytes,
      copied,
    }
  },
}
