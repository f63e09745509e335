import { existsSync } from 'node:fs'
import { copyFile, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { lazyPagesCommand, restoreCommand } from '../criu/restore.ts'
import { compile } from '../programs/compile.ts'
import { makeFolder } from '../host/folders.ts'
import { hostPath } from '../host/host.ts'
import { insideRootfs } from '../host/inside.ts'
import { fixture } from '../installation/paths.ts'
import { IMAGES_FOLDER, validateImages } from '../checkpoint/rootfs.ts'
import { unchangedMemory } from './memory-files.ts'
import type { Strategy } from './strategy.ts'

/** Path in the rootfs of the program that runs CRIU's page server together with the restore. */
const LAZY_RESTORE = '/usr/sbin/lazy-restore'
const reportIn = (folder: string): string => join(folder, 'lazy')

const Report = z.object({ drained: z.string().regex(/^\d+$/).transform(BigInt) })

/**
 * CRIU's lazy mode: `criu lazy-pages` serves each page through userfaultfd when it is first used, and the rest in the
 * background. Its start and end are part of the measurement.
 */
export const lazy: Strategy = {
  name: 'lazy',
  // How long pages still arrive after the process has started.
  phases: ['drain'],
  missing: () =>
    existsSync('/proc/sys/vm/unprivileged_userfaultfd') ? undefined : 'this kernel has no userfaultfd',
  async prepare(host, { path }) {
    const program = await insideRootfs(host, path, LAZY_RESTORE)
    await makeFolder(host, dirname(program))
    await copyFile(await compile(fixture('programs/lazy-restore.c')), hostPath(host, program))
  },
  async open(host, rootfs) {
    const { path, criu } = rootfs
    const images = join(path, IMAGES_FOLDER)
    const { raw } = await validateImages(host, images)
    return {
      strategy: 'lazy',
      readOnly: [[join(path, IMAGES_FOLDER), IMAGES_FOLDER]],
      command: (folder, afterwards) => {
        const daemon = lazyPagesCommand(criu, IMAGES_FOLDER, folder)
        const restore = [...restoreCommand(rootfs, IMAGES_FOLDER, folder, afterwards), '--lazy-pages']
        return [LAZY_RESTORE, reportIn(folder), '--', ...daemon, '--', ...restore]
      },
      check: await unchangedMemory(host, images, { raw }),
      drained: async (folder) => Report.parse(JSON.parse(await readFile(reportIn(folder), 'utf8'))).drained,
      mapped: 0,
      copied: [...raw.values()].reduce((sum, size) => sum + size, 0),
    }
  },
}
