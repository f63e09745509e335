import { cp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Rootfs } from '../checkpoint/rootfs.ts'
import type { Handler } from '../handlers/definition.ts'
import { HANDLER_FOLDER, handlerFiles, type LockByte } from '../handlers/handler.ts'
import { layOut } from '../handlers/start.ts'
import { hostPath, type Host } from '../host/host.ts'
import { hostPathInside, pathInside } from '../host/inside.ts'
import { WORK } from '../installation/paths.ts'
import type { Nanoseconds } from '../units.ts'

/** The handler's folder of one sample. */
export interface SampleFolder {
  /** Its path on the host, to bind into the container. */
  readonly onHost: string
  /** Its path for this process. */
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
  const path = hostPath(host, onHost)
  await rm(path, { recursive: true, force: true })
  if (dumped) await cp(await hostPathInside(host, dumped.path, HANDLER_FOLDER), path, { recursive: true })
  await layOut(path, delay === undefined ? lock : 'D')
  if (delay !== undefined) await writeFile(`${handlerFiles(path).lock}.delay`, String(delay))
  if (typeof handler.trigger === 'object' && 'file' in handler.trigger)
    await writeFile(join(path, await pathInside(path, handler.trigger.file)), '')
  return { onHost, path }
}
