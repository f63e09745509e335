import type { Bytes } from '../units.ts'
import { entriesOf } from './image.ts'
import type { ImageSet } from './image-set.ts'
import { neededFiles } from './needed-files.ts'
import { pageSize, storedPages } from './pagemap.ts'
import { liveProcesses } from './processes.ts'
import { isVma } from './vma.ts'

/** Memory that processes of a dump can share. All of it is read before any of them runs again. */
export interface SharedMemory {
  /** "MAP_SHARED without a file", "memfd NAME", "System V", or the path of a file in /dev/shm. */
  readonly what: string
  /** Bytes to read. */
  readonly size: Bytes
  /** Who reads it. A file in /dev/shm is copied into each container. */
  readonly by: 'CRIU' | 'the launcher'
}

const SEGMENT = /^pagemap-shmem-(\d+)\.img$/
/** CRIU's name of MAP_SHARED memory without a file, which the kernel keeps in a file as well. */
const WITHOUT_FILE = '/dev/zero'

/** The shared memory of a dump, the largest first. */
export function sharedMemory(set: ImageSet): SharedMemory[] {
  return [...segments(set), ...filesInMemory(set)]
    .filter(({ size }) => size > 0)
    .toSorted((one, other) => other.size - one.size)
}

function segments(set: ImageSet): SharedMemory[] {
  const [first] = liveProcesses(set)
  const bytesPerPage = first ? Number(pageSize(first.mm)) : 0
  const names = namesOf(set)
  return [...set.images.values()].flatMap((image): SharedMemory[] => {
    const id = SEGMENT.exec(image.file)?.[1]
    if (image.type === 'IPCNS_SHM')
      // Old versions of CRIU have its contents in this image.
      return entriesOf(image, 'IPCNS_SHM').flatMap(({ size, inPagemaps }) =>
        inPagemaps ? [] : [{ what: 'System V', size: Number(size), by: 'CRIU' }],
      )
    if (image.type !== 'PAGEMAP' || id === undefined) return []
    const size = Number(storedPages(entriesOf(image, 'PAGEMAP'))) * bytesPerPage
    return [{ what: names.get(Number(id)) ?? 'System V', size, by: 'CRIU' }]
  })
}

/** What each segment is, by its id; System V segments are not included. */
function namesOf(set: ImageSet): ReadonlyMap<number, string> {
  const memfds = set.images.get('memfd.img')
  const inodes = memfds ? entriesOf(memfds, 'MEMFD_INODE') : []
  const vmas = liveProcesses(set).flatMap(({ mm }) => mm.vmas)
  return new Map([
    // CRIU on old kernels has no memfd for these.
    ...vmas.filter((vma) => isVma(vma, 'ANON_SHARED') && !isVma(vma, 'SYSVIPC')).map(({ shmid }) => [Number(shmid), 'MAP_SHARED without a file'] as const), // prettier-ignore
    ...inodes.map(({ shmid, name }) => {
      const text = Buffer.from(name).toString()
      return [shmid, text === WITHOUT_FILE ? 'MAP_SHARED without a file' : `memfd ${text}`] as const
    }),
  ])
}

const filesInMemory = (set: ImageSet): SharedMemory[] =>
  neededFiles(set)
    .filter(({ kind, path }) => kind === 'file' && path.startsWith('/dev/shm/'))
    .map(({ path, size = 0n }) => ({ what: path, size: Number(size), by: 'the launcher' }))
