import { create } from '@bufbuild/protobuf'
import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as pb from './generated/criu_pb.ts'
import { encodeImage, entry } from './image.ts'
import type { Entry, FramedImage } from './image.ts'

/** Encodes little-endian 32-bit words, the format of heads and lengths. */
export function words(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer)
}

type Init<S extends DescMessage> = Exclude<MessageInitShape<S>, { $unknown: unknown }>

/** The first word of most images. */
export const common = 0x54564319

const fown = create(pb.FownEntrySchema, { uid: 0, euid: 0, signum: 0, pidType: 0, pid: 0 })

/** A regular file in files.img. */
export function regularFile(
  id: number,
  path: string,
  more: Init<typeof pb.RegFileEntrySchema> = {},
): Entry<pb.FileEntry> {
  const name = Buffer.from(path)
  const reg = create(pb.RegFileEntrySchema, { id, flags: 0, pos: 0n, fown, name, mode: 0o100644, ...more })
  return entry(create(pb.FileEntrySchema, { type: 1, id, reg }))
}

/** An MmEntry with these VMAs, from a machine with pages of 4096 bytes. */
export function mm(vmas: pb.VmaEntry[] = []): Entry<pb.MmEntry> {
  const zero = { mmStartCode: 0n, mmEndCode: 0n, mmStartData: 0n, mmEndData: 0n, mmStartStack: 0n }
  const more = { mmStartBrk: 0n, mmBrk: 0n, mmArgStart: 0n, mmArgEnd: 0n, mmEnvStart: 0n, mmEnvEnd: 0n }
  const auxv = { mmSavedAuxv: [16n, 6n, 6n, 4096n, 0n, 0n] }
  return entry(create(pb.MmEntrySchema, { ...zero, ...more, ...auxv, exeFileId: 1, vmas }))
}

/** A VMA of one page. */
export function vma(status: number, shmid: bigint): pb.VmaEntry {
  const range = { start: 0x1000n, end: 0x2000n, pgoff: 0n, fd: -1n }
  return create(pb.VmaEntrySchema, { ...range, shmid, prot: 1, flags: 2, status })
}

/** The pagemap of pages-ID.img. */
export function pagemap(
  file: string,
  pagesId: number,
  ...entries: Init<typeof pb.PagemapEntrySchema>[]
): FramedImage {
  const first = entry(create(pb.PagemapHeadSchema, { pagesId }))
  const rest = entries.map((each) => entry(create(pb.PagemapEntrySchema, { vaddr: 0x1000n, ...each })))
  return { file, type: 'PAGEMAP', first, entries: rest }
}

function core(file: string, taskState: number): FramedImage {
  const task = { taskState, exitCode: 0, personality: 0, flags: 0, blkSigset: 0n, comm: Buffer.from('sh') }
  const message = create(pb.CoreEntrySchema, { mtype: 1, tc: create(pb.TaskCoreEntrySchema, task) })
  return { file, type: 'CORE', first: undefined, entries: [entry(message)] }
}

function pstreeEntry(pid: number, threads: number[]): Entry<pb.PstreeEntry> {
  return entry(create(pb.PstreeEntrySchema, { pid, ppid: 0, pgid: 12, sid: 12, threads }))
}

/** A minimal restorable set: process 12 with thread 13 and two pages of memory, and zombie 14. */
export function smallestDump(): FramedImage[] {
  const first = undefined
  const ids = create(pb.TaskKobjIdsEntrySchema, { vmId: 1, filesId: 2, fsId: 1, sighandId: 1 })
  const fdinfo = create(pb.FdinfoEntrySchema, { id: 2, flags: 0, type: 1, fd: 3 })
  const fs = create(pb.FsEntrySchema, { cwdId: 3, rootId: 3 })
  const inventory = create(pb.InventoryEntrySchema, { imgVersion: 2 })
  // CRIU writes uninitialised memory as the threads of a zombie.
  const tree = [pstreeEntry(12, [12, 13]), pstreeEntry(14, [248_860_224])]
  const files = [
    regularFile(1, '/bin/sh', { size: 10n }),
    regularFile(2, '/log'),
    regularFile(3, '/', { mode: 0o040755 }),
  ]
  return [
    { file: 'inventory.img', type: 'INVENTORY', first, entries: [entry(inventory)] },
    { file: 'pstree.img', type: 'PSTREE', first, entries: tree },
    core('core-12.img', 1),
    core('core-13.img', 1),
    core('core-14.img', 6),
    { file: 'ids-12.img', type: 'IDS', first, entries: [entry(ids)] },
    { file: 'fs-12.img', type: 'FS', first, entries: [entry(fs)] },
    { file: 'mm-12.img', type: 'MM', first, entries: [mm()] },
    { file: 'fdinfo-2.img', type: 'FDINFO', first, entries: [entry(fdinfo)] },
    { file: 'files.img', type: 'FILES', first, entries: files },
    pagemap('pagemap-12.img', 1, { compatNrPages: 2, flags: 4 }),
  ]
}

/** Writes a dump with two pages of memory into a new folder. Later images replace earlier ones of the same name. */
export async function writeDump(...images: FramedImage[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dump-'))
  for (const image of images) await writeFile(join(folder, image.file), encodeImage(image))
  await writeFile(join(folder, 'pages-1.img'), Buffer.alloc(2 * 4096))
  return folder
}
