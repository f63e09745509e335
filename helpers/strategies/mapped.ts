import { join } from 'node:path'
import { restoreCommand } from '../criu/restore.ts'
import {
  BACKING_FILE,
  findShared,
  openMapped,
  rewriteMapped,
  writeMapped,
  type StateOf,
} from '../images/mapped/index.ts'
import { hostPath, type Host } from '../host/host.ts'
import type { Bytes } from '../units.ts'
import { isRemote } from '../process/remote.ts'
import { IMAGES_FOLDER, validateImages } from '../checkpoint/rootfs.ts'
import { statesThere, unchangedMemory } from './memory-files.ts'
import type { Strategy } from './strategy.ts'

/** The folder of the rootfs for the rewritten images and their backing file. */
const MAPPED_FOLDER = '/mapped'

const folderOn = (host: Host, rootfs: string): string => hostPath(host, join(rootfs, MAPPED_FOLDER))

/** Another machine must report the state of the file itself, because SFTP has neither inodes nor change times. */
const stateOn = (host: Host, rootfs: string): StateOf | undefined =>
  isRemote(host)
    ? async () => {
        const [state = ''] = await statesThere(host, [join(rootfs, MAPPED_FOLDER, BACKING_FILE)])
        const [size = '', inode = '', changed = ''] = state.split(' ')
        return { size, inode, changed: changed.replace('.', '') }
      }
    : undefined

/**
 * Rewrites the images once so that CRIU maps memory from a file. Pages are loaded on demand, so restore time does not
 * grow with memory. Areas with less than `worthMapping` bytes in the dump are read.
 */
export const mapping = (worthMapping?: Bytes): Strategy => ({
  name: 'mapped',
  rewrites: MAPPED_FOLDER,
  async prepare(host, { path }) {
    const dump = join(path, IMAGES_FOLDER)
    const set = await validateImages(host, dump)
    const shared = await findShared(set, { host, dump, temporary: path }, worthMapping)
    const rewritten = rewriteMapped(set, join(MAPPED_FOLDER, BACKING_FILE), shared, worthMapping)
    await writeMapped(set, rewritten, { host, dump, root: path, folder: join(path, MAPPED_FOLDER) })
  },
  async open(host, rootfs) {
    const { path } = rootfs
    const {
      check,
      mapped: bytes,
      copied,
      shared,
      range,
      gap,
      dataOffset,
      advised,
      raw,
    } = await openMapped(folderOn(host, path), stateOn(host, path))
    const checkPages = await unchangedMemory(host, join(path, MAPPED_FOLDER), { raw })
    return {
      strategy: 'mapped',
      readOnly: [[join(path, MAPPED_FOLDER), MAPPED_FOLDER]],
      command: (folder, afterwards) => restoreCommand(rootfs, MAPPED_FOLDER, folder, afterwards),
      // Without the guard, discarded memory would read as what the backing file has.
      guard: range && { ...range, gap, file: join(MAPPED_FOLDER, BACKING_FILE), dataOffset, advised },
      check: async () => {
        await check()
        await checkPages()
      },
      mapped: bytes,
      copied,
      shared,
    }
  },
})

export const mapped = mapping()
