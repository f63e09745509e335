import { isFieldSet } from '@bufbuild/protobuf'
import { normalize } from 'node:path/posix'
import { CriuBenchError } from '../errors.ts'
import { RegFileEntrySchema } from './generated/criu_pb.ts'
import type { RegFileEntry } from './generated/criu_pb.ts'
import { entriesOf } from './image.ts'
import { imageIn } from './image-set.ts'
import type { ImageSet } from './image-set.ts'
import { liveProcesses, openFilesOf } from './processes.ts'
import type { LiveProcess } from './processes.ts'
import { isVma } from './vma.ts'

/** A file that a restore opens or maps by its path. It must exist. */
export interface NeededFile {
  /** Absolute, relative to the root directory of the dumped processes. */
  readonly path: string
  readonly kind: 'file' | 'directory' | 'device' | 'fifo' | 'socket'
  /** Bytes. CRIU refuses a file of another size. Missing if CRIU does not check the size. */
  readonly size?: bigint
  /** st_mode. CRIU refuses a file of another mode. Missing if CRIU does not check the mode. */
  readonly mode?: number
  /** Whether a process has it open for writing. */
  readonly written?: true
  /** The users of the file, such as "fd 3 of 12", "executable of 12" or "mapping of 12". */
  readonly usedBy: readonly string[]
}

/** The field `type` of a regular file in files.img. */
const REGULAR_FILE = 1
/** Values of the field `remap_type`: the source of a deleted file. */
const remapType = { LINKED: 0, GHOST: 1, PROCFS: 2 } as const

/** O_ACCMODE and O_RDONLY of open(2). */
const [ACCESS_MODE, READ_ONLY] = [3, 0]

const fileTypeMask = 0o170000
const kinds: Readonly<Record<number, NeededFile['kind']>> = {
  0o140000: 'socket',
  0o040000: 'directory',
  0o020000: 'device',
  0o060000: 'device',
  0o010000: 'fifo',
}

/**
 * The files that a restore opens by path, sorted by path and without duplicates. Deleted files are not included,
 * because CRIU restores them from ghost-file images. A deleted file with another hard link is listed under that link.
 * Throws a CriuBenchError for an invalid set or a path that is not UTF-8.
 */
export function neededFiles(set: ImageSet): NeededFile[] {
  const table = fileTable(set)
  const needed = new Map<string, { file: Omit<NeededFile, 'usedBy'>; users: Set<string> }>()
  for (const { id, user } of liveProcesses(set).flatMap((process) => usesOf(set, process))) {
    const reg = table.regularFile(id)
    if (!reg) continue
    const file = neededFile(reg)
    const known = needed.get(file.path) ?? { file, users: new Set() }
    const written = (reg.flags & ACCESS_MODE) !== READ_ONLY && { written: true as const }
    needed.set(file.path, { file: { ...known.file, ...written }, users: known.users.add(user) })
  }
  const files = [...needed.values()].map(({ file, users }) => ({ ...file, usedBy: [...users] }))
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

/** The absolute path of a regular-file entry. Some CRIU versions write it without the leading slash. */
export function pathOf(reg: RegFileEntry): string {
  const path = normalize(`/${nameOf(reg)}`)
  if (!nameOf(reg).split('/').includes('..')) return path
  throw new CriuBenchError({
    failed: `cannot use the path of file ${reg.id} in files.img`,
    found: nameOf(reg),
    expected: 'a path without "..": the kernel gives a process no other',
    fix: 'use only images that CRIU has written: dump again',
  })
}

function nameOf(reg: RegFileEntry): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(reg.name)
  } catch (cause) {
    throw new CriuBenchError(
      {
        failed: `cannot read the path of file ${reg.id} in files.img`,
        found: `${Buffer.from(reg.name).toString('latin1')} (shown as Latin-1)`,
        expected: 'a path in UTF-8',
        fix: 'rename the file that the dumped process uses, and dump again',
      },
      { cause },
    )
  }
}

interface Use {
  readonly id: number
  readonly user: string
}

function usesOf(set: ImageSet, process: LiveProcess): Use[] {
  const { pid, mm, fs } = process
  const mapped = mm.vmas.filter((vma) => isVma(vma, 'FILE_PRIVATE', 'FILE_SHARED'))
  return [
    { id: mm.exeFileId, user: `executable of ${pid}` },
    { id: fs.cwdId, user: `working directory of ${pid}` },
    { id: fs.rootId, user: `root of ${pid}` },
    ...mapped.map((vma) => ({ id: Number(vma.shmid), user: `mapping of ${pid}` })),
    ...openFilesOf(set, process).map(({ id, fd }) => ({ id, user: `fd ${fd} of ${pid}` })),
  ]
}

/** Looks up regular files by id in files.img. Sockets, pipes, ghost files and files of plugins are undefined. */
export function fileTable(set: ImageSet): { regularFile(id: number): RegFileEntry | undefined } {
  const image = imageIn(set, 'FILES', 'files.img', 'the executables of the processes')
  const files = new Map(entriesOf(image, 'FILES').map((file) => [file.id, file]))
  const remapped = set.images.get('remap-fpath.img')
  const remaps = new Map(
    (remapped ? entriesOf(remapped, 'REMAP_FPATH') : []).map((remap) => [remap.origId, remap]),
  )
  /** A FIFO's path is in an entry of its own, which is a regular file's. */
  const pathEntry = (id: number): number => files.get(id)?.fifo?.regfId ?? id
  const regularFile = (user: number): RegFileEntry | undefined => {
    const id = pathEntry(user)
    const file = files.get(id)
    if (file?.type !== REGULAR_FILE || file.reg?.ext) return undefined
    const remap = remaps.get(id)
    if (!remap) return file.reg
    return remap.remapType === remapType.LINKED ? files.get(remap.remapId)?.reg : undefined
  }
  return { regularFile }
}

function neededFile(reg: RegFileEntry): Omit<NeededFile, 'usedBy'> {
  const { size, mode } = RegFileEntrySchema.field
  return {
    path: pathOf(reg),
    kind: kinds[reg.mode & fileTypeMask] ?? 'file',
    ...(isFieldSet(reg, size) && { size: reg.size }),
    ...(isFieldSet(reg, mode) && { mode: reg.mode }),
  }
}
