import { CriuBenchError } from '../errors.ts'
import { availableMemory } from '../machine/memory.ts'
import { describeBytes, formatSize, MB, type Bytes } from '../units.ts'

/** Memory of a process in addition to the bytes that its handler touches: interpreter, libraries, heap. */
const PROCESS_OVERHEAD = 32 * MB
/** Room for CRIU, copied libraries, and larger images of the checkpoint than expected. */
const ROOTFS_ROOM = 192 * MB
/** A handler has its memory and, while it executes, a copy of it. */
const COPIES_IN_A_HANDLER = 2
/** The filesystem stores the dump, the copy that containers restore from, and the backing file of `mapped`. */
const COPIES_ON_DISK = 3

/** The room that the memory of dumped processes needs on a filesystem. */
export const imagesRoom = (memory: Bytes): Bytes => COPIES_ON_DISK * memory

/** The room that one checkpoint of this size needs on a filesystem, with a base image of so many bytes. */
export const filesystemRoom = (size: Bytes, baseImage: Bytes = 0): Bytes =>
  imagesRoom(size + PROCESS_OVERHEAD) + ROOTFS_ROOM + baseImage

/** The memory that one case needs for its processes. */
const processRoom = (size: Bytes): Bytes => COPIES_IN_A_HANDLER * (size + PROCESS_OVERHEAD)

/** The available memory that a measurement of this size needs, on a filesystem in memory. */
export const memoryRoom = (size: Bytes): Bytes => filesystemRoom(size) + processRoom(size)

/**
 * Throws CriuBenchError if the available memory is too small for this size. `room` is that of the filesystem, if it is in
 * memory, too.
 */
export async function checkMemory(size: Bytes, room = filesystemRoom(size)): Promise<void> {
  const processes = processRoom(size)
  const available = await availableMemory()
  if (room + processes <= available) return
  throw new CriuBenchError({
    failed: `cannot measure the memory size ${formatSize(size)}`,
    found: `${describeBytes(available)} of available memory`,
    expected: `${describeBytes(room + processes)} of available memory: ${describeBytes(room)} for dump, images and rootfs, ${describeBytes(processes)} for the process`,
    fix: 'free memory, or set MEMORY_SIZE to a smaller size',
  })
}
