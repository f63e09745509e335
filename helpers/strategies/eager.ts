import { join } from 'node:path'
import { restoreCommand } from '../criu/restore.ts'
import { IMAGES_FOLDER, validateImages } from '../checkpoint/rootfs.ts'
import { unchangedMemory } from './memory-files.ts'
import type { Strategy } from './strategy.ts'

/** CRIU's normal mode: every page is read before the process runs, so restore time grows with memory. */
export const eager: Strategy = {
  name: 'eager',
  prepare: async () => {},
  async open(host, rootfs) {
    const { path } = rootfs
    const images = join(path, IMAGES_FOLDER)
    const { raw } = await validateImages(host, images)
    return {
      strategy: 'eager',
      readOnly: [[join(path, IMAGES_FOLDER), IMAGES_FOLDER]],
      command: (folder, afterwards) => restoreCommand(rootfs, IMAGES_FOLDER, folder, afterwards),
      check: await unchangedMemory(host, images, { raw }),
      mapped: 0,
      copied: [...raw.values()].reduce((sum, size) => sum + size, 0),
    }
  },
}
