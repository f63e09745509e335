import { rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { copyFolder } from '../checkpoint/copied-files.ts'
import type { Rootfs } from '../checkpoint/rootfs.ts'
import type { Handler } from '../handlers/definition.ts'
import { HANDLER_FOLDER, handlerFiles, isObserved, type LockByte } from '../handlers/handler.ts'
import { layOut, writeNew } from '../handlers/running.ts'
import { makeFolder } from '../host/folders.ts'
import { hostPath, type Host } from '../host/host.ts'
import { insideRootfs, pathInside } from '../host/inside.ts'
import { WORK } from '../installation/paths.ts'
import type { Nanoseconds } from '../units.ts'

/** The files of one sample. */
export interface SampleFolder {
  /** The folder on the host, to bind on WORK in the container: it has the handler's folder and the run folder. */
  readonly onHost: string
  /** Path of the handler's folder for this process. */
  readonly path: string
}

export interface SampleFolderRequest {
  readonly host: Host
  readonly handler: Handler
  /** Folders are named after their container, because several samples may run at once. */
  readonly containerName: string
  /** The rootfs whose handler's folder, with the files of the time of the dump, is copied. Missing for a start from scratch. */
  readonly dumped?: Rootfs | undefined
  readonly lock: LockByte
  /** A delay that the handler adds to its run. */
  readonly delay?: Nanoseconds | undefined
}

/** Gives a sample its own copy of the handler's folder, as it was at the dump. */
export async function layOutSample(request: SampleFolderRequest): Promise<SampleFolder> {
  const { host, handler, containerName, dumped, lock, delay } = request
  const onHost = join(WORK, 'samples', containerName)
  const folder = join(onHost, basename(HANDLER_FOLDER))
  const path = hostPath(host, folder)
  await rm(hostPath(host, onHost), { recursive: true, force: true })
  await makeFolder(host, onHost)
  if (dumped) await copyFolder(host, await insideRootfs(host, dumped.path, HANDLER_FOLDER), folder)
  await layOut(handler, path, delay === undefined ? lock : 'D')
  if (delay !== undefined) await writeNew(`${handlerFiles(path).lock}.delay`, String(delay))
  // The observer makes it otherwise.
  if (typeof handler.trigger === 'object' && 'file' in handler.trigger && !isObserved(handler))
    await writeFile(join(path, await pathInside(path, handler.trigger.file)), '')
  return { onHost, path }
}
