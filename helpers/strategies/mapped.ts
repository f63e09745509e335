import { join } from 'node:path'
import { restoreCommand } from '../criu/restore.ts'
import { BACKING_FILE, openMapped, rewriteMapped, writeMapped, type StateOf } from '../images/mapped/index.ts'
import { ownCommand } from '../installation/own-command.ts'
import { hostPath, type Host } from '../host/host.ts'
import { run } from '../process/process.ts'
import { isRemote } from '../process/remote.ts'
import { IMAGES_FOLDER, validateImages } from '../checkpoint/rootfs.ts'
import type { Strategy } from './strategy.ts'

/** The folder of the rootfs for the rewritten images and their backing file. */
const MAPPED_FOLDER = '/mapped'

const folderOn = (host: Host, rootfs: string): string => hostPath(host, join(rootfs, MAPPED_FOLDER))

/** By the host itself where its files are seen from afar: SFTP tells neither inodes nor when a file was changed. */
const stateOn = (host: Host, rootfs: string): StateOf | undefined =>
  isRemote(host)
    ? async () => {
        const { stdout } = await run(host, {
          argv: ['stat', '--format', '%s %i %.9Z', join(rootfs, MAPPED_FOLDER, BACKING_FILE)],
          failed: 'cannot look at the backing file',
          fix: ownCommand('copy'),
          timeout: 30_000,
        })
        const [size = '', inode = '', changed = ''] = stdout.trim().split(' ')
        return { size, inode, changed: changed.replace('.', '') }
      }
    : undefined

/** Images rewritten so that CRIU maps memory from a file: flat in memory size, pages come in on demand. */
export const mapped: Strategy = {
  name: 'mapped',
  async prepare(host, { path }) {
    const set = await validateImages(host, join(path, IMAGES_FOLDER))
    await writeMapped(set, rewriteMapped(set, join(MAPPED_FOLDER, BACKING_FILE)), folderOn(host, path))
  },
  async open(host, { path, criu }) {
    const {
      check,
      mapped: bytes,
      copied,
      range,
    } = await openMapped(folderOn(host, path), stateOn(host, path))
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
