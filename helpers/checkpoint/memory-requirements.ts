import { CriuBenchError } from '../errors.ts'
import { availableMemory } from '../machine/memory.ts'
import { describeBytes, formatSize, MB, type Bytes } from '../units.ts'

/** What a process has besides the bytes its handler touches: interpreter, libraries, heap. */
const PROCESS_OVERHEAD = 32 * MB
/** Base image, copied libraries, and slack for the images of a process that grew. */
const ROOTFS_ROOM = 192 * MB
/** A handler has what it built and, while it runs, its copy. */
const COPIES_IN_A_HANDLER = 2
/** On the filesystem lie the dump, the copy of it that containers restore from, and the memory that `mapped` maps. */
const COPIES_ON_DISK = 3

/** Room that a filesystem needs for one suite of that size. */
export const filesystemRoom = (size: Bytes): Bytes => COPIES_ON_DISK * (size + PROCESS_OVERHEAD) + ROOTFS_ROOM

/** Refuses a size that this machine cannot hold, with its images where those lie in memory, before anything is mounted. */
export async function checkMemory(size: Bytes, inMemory = true): Promise<void> {
  const room = inMemory ? filesystemRoom(size) : 0
  const processes = COPIES_IN_A_HANDLER * (size + PROCESS_OVERHEAD)
  const available = await availableMemory()
  if (room + processes <= available) return
  throw new CriuBenchError({
    failed: `cannot measure the memory size ${formatSize(size)}`,
    found: `${describeBytes(available)} of memory available`,
    expected: `${describeBytes(room + processes)}: ${describeBytes(room)} for dump, images and rootfs, ${describeBytes(processes)} for the process`,
    fix: 'free memory, or set MEMORY_SIZE to less',
  })
}
