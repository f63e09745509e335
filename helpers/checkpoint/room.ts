import { stat } from 'node:fs/promises'
import { CriuBenchError } from '../errors.ts'
import type { MountedFilesystem } from '../filesystems/filesystem.ts'
import { freeOn } from '../filesystems/mount-point.ts'
import { growTmpfs } from '../filesystems/tmpfs.ts'
import type { Handler } from '../handlers/definition.ts'
import { HANDLER_FOLDER } from '../handlers/handler.ts'
import { hostPath, type Host } from '../host/host.ts'
import { WORK } from '../installation/paths.ts'
import { availableMemory } from '../machine/memory.ts'
import { dumpedMemory } from '../proc/dumped-memory.ts'
import { run } from '../process/process.ts'
import { describeBytes, MB, type Bytes } from '../units.ts'
import type { FurtherFiles } from './further-files.ts'
import { imagesRoom } from './memory-requirements.ts'

/** A handler that waits for its dump, and the files to copy for it. */
export interface Waiting {
  readonly pid: number
  readonly handler: Handler
  readonly further: FurtherFiles
  /** The size of its own folder. */
  readonly ownFolder: Bytes
}

/**
 * Measures a handler that waits for its dump, and makes room for its files on the filesystem. Throws CriuBenchError, with the
 * sizes, if its memory or its files have no room there.
 */
export async function ensureRoom(host: Host, mounted: MountedFilesystem, waiting: Waiting): Promise<void> {
  const { pid, handler, further, ownFolder } = waiting
  const free = await mounted.free?.()
  if (free === undefined) return
  const memory = await dumpedMemory(pid, host)
  const images = imagesRoom(memory.bytes)
  const has = `${describeBytes(memory.bytes)} of memory${memory.processes > 1 ? ` in ${memory.processes} processes, each with the pages that it shares since a fork` : ''}`
  if (images > free)
    throw new CriuBenchError({
      failed: `cannot dump the ${handler.name} handler: it has more memory than there is room for`,
      found: `${has}; ${describeBytes(free)} are free on ${mounted.name}`,
      expected: `${describeBytes(images)} for dump, images and mapped memory`,
      fix: `set \`memory: '${Math.ceil(memory.bytes / MB)}MB'\` in defineHandler({ … })`,
    })
  const files = await sizeOf(host, further.paths)
  const lack = images + files + ownFolder + SPARE - free
  if (lack <= 0) return
  if (!mounted.grow || lack > (await availableMemory()))
    throw new CriuBenchError({
      failed: `cannot copy the files of the ${handler.name} handler: there is no room for them`,
      found: `${describeBytes(files)} in files that it has opened or names in \`files\`, ${describeBytes(ownFolder)} in its own folder, ${has}; ${describeBytes(free)} are free on ${mounted.name}`,
      expected: `${describeBytes(lack)} more`,
      fix: `use smaller files, free memory, or set a larger \`memory\` in defineHandler({ … }): it determines the room`,
    })
  await mounted.grow(lack)
}

/** What stays free: logs, reports, the rest of the images. */
const SPARE = 64 * MB

/** Makes room in a host's memory for the handler's folder, of which each sample gets a copy. Throws CriuBenchError. */
export async function ensureSampleRoom(host: Host, folder: Bytes): Promise<void> {
  const lack = folder + SPARE - (await freeOn(host, WORK))
  if (lack > 0) await growTmpfs(host, WORK, lack)
}

async function sizeOf(host: Host, paths: readonly string[]): Promise<Bytes> {
  // A file that has gone since then is missed when it is copied, which says so.
  const found = await Promise.all(paths.map((path) => stat(hostPath(host, path)).catch(() => undefined)))
  return found.reduce((sum, each) => sum + (each?.isFile() ? each.size : 0), 0)
}

/** The size of the handler's own folder. */
export async function ownFolderSize(host: Host): Promise<Bytes> {
  const { stdout } = await run(host, {
    argv: ['du', '--summarize', '--bytes', HANDLER_FOLDER],
    failed: "cannot measure the handler's own folder",
    fix: 'install coreutils',
    timeout: 60_000,
  })
  return Number.parseInt(stdout, 10)
}
