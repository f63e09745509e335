import {
  chmod,
  copyFile,
  mkdir,
  open,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
  type FileHandle,
} from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CriuBenchError } from '../../errors.ts'
import { ownCommand } from '../../installation/own-command.ts'
import { MB, type Bytes } from '../../units.ts'
import { encodeImage } from '../image.ts'
import { readImageSet, type ImageSet } from '../image-set.ts'
import { validateImageSet } from '../validate.ts'
import type { Copy, Rewritten } from './rewrite.ts'

/** The files that a rewritten set has in addition: the mapped memory, and a record to detect changes of it. */
export const BACKING_FILE = 'backing'
const MANIFEST = 'mapped.json'

/** Copies use large sequential blocks, for which the kernel allocates huge pages. */
const BLOCK: Bytes = 8 * MB

/** The state of the backing file. 64-bit numbers are decimal strings. */
const State = z.strictObject({ size: z.string(), inode: z.string(), changed: z.string() })
const Manifest = z.strictObject({
  backing: State,
  /** Bytes of memory in the backing file, and bytes that remain in the pages files. */
  mapped: z.int(),
  copied: z.int(),
  /** The address range that contains all mapped memory, in hexadecimal. */
  range: z.strictObject({ start: z.string(), end: z.string() }).optional(),
  /** Where programs' own data starts in the backing file, in bytes, if it has any. */
  dataOffset: z.int().optional(),
  /** Whether an area has advice of madvise. */
  advised: z.boolean(),
})

/** A rewritten set on disk. */
export interface MappedSet {
  /** Bytes of memory that are mapped from the backing file. */
  readonly mapped: Bytes
  /** Bytes that CRIU copies into the process. */
  readonly copied: Bytes
  /** The address range that contains all mapped memory, in hexadecimal; undefined if no memory is mapped. */
  readonly range: { readonly start: string; readonly end: string } | undefined
  /** Where programs' own data starts in the backing file, in bytes, if it has any. */
  readonly dataOffset: Bytes | undefined
  /** Whether an area has advice of madvise, which CRIU gives it at each restore. */
  readonly advised: boolean
  /** Throws a CriuBenchError if the backing file was changed. A restore from it would have wrong memory. */
  readonly check: () => Promise<void>
  /** Sizes of its pages files, by name. */
  readonly raw: ImageSet['raw']
}

/**
 * Writes a rewritten set and its backing file into `folder`. The folder is never incomplete: it is written under
 * another name and then renamed. The dump in `set.folder` is not changed. `root` is the root directory of the
 * processes, with the files of their programs. Throws a CriuBenchError if the written set is invalid.
 */
export async function writeMapped(
  set: ImageSet,
  rewritten: Rewritten,
  folder: string,
  root: string,
): Promise<void> {
  const sources = { dump: set.folder, root }
  const draft = `${folder}.draft`
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft)
  try {
    await copyUnchanged(set, rewritten, draft)
    for (const image of rewritten.images) await writeFile(join(draft, image.file), encodeImage(image))
    for (const [file, size] of rewritten.pages) {
      const copies = rewritten.copies.filter(({ from, to }) => to === 'pages' && from === file)
      await assemble(sources, copies, join(draft, file), size)
    }
    const backing = join(draft, BACKING_FILE)
    await assemble(sources, rewritten.copies.filter(({ to }) => to === 'backing'), backing, rewritten.backingSize) // prettier-ignore
    // Processes map the file, so nothing may write to it.
    await chmod(backing, 0o444)
    const manifest = {
      backing: await statHere(backing),
      ...amounts(rewritten),
      ...rangeOf(rewritten),
      ...dataOf(rewritten),
      advised: isAdvised(rewritten),
    }
    await writeFile(join(draft, MANIFEST), JSON.stringify(manifest satisfies z.infer<typeof Manifest>))
    validateImageSet(await readImageSet(draft))
    await rm(folder, { recursive: true, force: true })
    await rename(draft, folder)
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    throw error
  }
}

/** Reads the state of a file, by which a change is detected. */
export type StateOf = (file: string) => Promise<z.infer<typeof State>>

/**
 * Opens a rewritten set. Pass `stateOf` if this process sees the folder through a mount with other inode numbers.
 * Throws a CriuBenchError if the folder has no rewritten set or an invalid one.
 */
export async function openMapped(folder: string, stateOf: StateOf = statHere): Promise<MappedSet> {
  const set = await readImageSet(folder)
  validateImageSet(set)
  const manifest = join(folder, MANIFEST)
  const text = await readFile(manifest, 'utf8').catch((cause: Error) => {
    throw notMapped(folder, cause.message)
  })
  const { backing, mapped, copied, range, dataOffset, advised } = Manifest.parse(JSON.parse(text))
  return {
    mapped,
    copied,
    range,
    dataOffset,
    advised,
    raw: set.raw,
    check: () => checkBacking(join(folder, BACKING_FILE), backing, stateOf),
  }
}

async function checkBacking(file: string, written: z.infer<typeof State>, stateOf: StateOf): Promise<void> {
  // A file whose state cannot be read is refused as missing.
  const now = await stateOf(file).catch(() => undefined)
  if (now?.size === written.size && now.inode === written.inode && now.changed === written.changed) return
  if (now === undefined) throw notMapped(file, 'no such file')
  if (now.size !== written.size)
    throw notMapped(file, `a backing file of ${now.size} bytes instead of ${written.size}`)
  throw notMapped(file, 'a backing file that was changed or replaced after the rewrite')
}

const notMapped = (path: string, found: string): CriuBenchError =>
  new CriuBenchError({
    failed: `cannot map memory from ${path}`,
    found,
    expected: 'the unchanged backing file of a rewritten dump',
    fix: `rewrite the dump again: ${ownCommand('copy')}`,
  })

/** Bytes that are mapped from the backing file, by one process or several, and bytes that remain in the pages files. */
function amounts({ processes, pages }: Rewritten): { mapped: Bytes; copied: Bytes } {
  const areas = processes.flatMap((process) => process.areas)
  const present = areas.reduce((total, area) => total + area.present, 0)
  const remaining = Number([...pages.values()].reduce((total, size) => total + size, 0n))
  const copied = pages.size === 0 ? present : remaining
  return { mapped: Math.max(0, present - copied), copied }
}

/** The smallest address range that contains the mapped memory of all processes. */
function rangeOf({ processes }: Rewritten): { range?: { start: string; end: string } } {
  const areas = processes.flatMap((process) => process.areas.filter(({ decision }) => decision.mapped))
  const [first] = areas.map(({ vma }) => vma.start).toSorted((a, b) => (a < b ? -1 : 1))
  const last = areas
    .map(({ vma }) => vma.end)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .at(-1)
  if (first === undefined || last === undefined) return {}
  return { range: { start: first.toString(16), end: last.toString(16) } }
}

const isAdvised = ({ processes }: Rewritten): boolean =>
  processes.some(({ areas }) => areas.some(({ vma }) => vma.madv !== 0n))

const dataOf = ({ dataOffset }: Rewritten): { dataOffset?: Bytes } =>
  dataOffset === undefined ? {} : { dataOffset: Number(dataOffset) }

async function statHere(file: string): Promise<z.infer<typeof State>> {
  const { size, ino, ctimeNs } = await stat(file, { bigint: true })
  return { size: String(size), inode: String(ino), changed: String(ctimeNs) }
}

async function copyUnchanged(set: ImageSet, { images, pages }: Rewritten, draft: string): Promise<void> {
  const changed = new Set([...images.map(({ file }) => file), ...pages.keys()])
  for (const file of [...set.images.keys(), ...set.raw.keys()]) {
    if (!changed.has(file)) await copyFile(join(set.folder, file), join(draft, file))
  }
}

/** Where the sources of copies are: pages files in the dump, and the files of programs in the root directory. */
interface Sources {
  readonly dump: string
  readonly root: string
}

const pathOf = ({ dump, root }: Sources, from: string): string =>
  join(from.startsWith('/') ? root : dump, from)

async function assemble(
  sources: Sources,
  copies: readonly Copy[],
  file: string,
  size: bigint,
): Promise<void> {
  await using target = await open(file, 'wx')
  // Setting the size first leaves holes, and lets the kernel choose huge pages.
  await target.truncate(Number(size))
  let source: { readonly name: string; readonly handle: FileHandle } | undefined
  try {
    for (const copy of merged(copies)) {
      if (source?.name !== copy.from) {
        await source?.handle.close()
        source = { name: copy.from, handle: await open(pathOf(sources, copy.from)) }
      }
      await transfer(source.handle, target, copy)
    }
  } finally {
    await source?.handle.close()
  }
}

async function transfer(source: FileHandle, target: FileHandle, { offset, length, at }: Copy): Promise<void> {
  const block = Buffer.allocUnsafe(Number(length < BLOCK ? length : BLOCK))
  for (let done = 0n; done < length;) {
    const wanted = Number(length - done < BLOCK ? length - done : BLOCK)
    const { bytesRead } = await source.read(block, 0, wanted, Number(offset + done))
    if (bytesRead === 0) throw new Error(`its source ended ${length - done} bytes early`)
    await target.write(block, 0, bytesRead, Number(at + done))
    done += BigInt(bytesRead)
  }
}

/** Merges adjacent copies, because CRIU splits its pagemap entries at 1 MB. */
function merged(copies: readonly Copy[]): Copy[] {
  const runs: Copy[] = []
  for (const copy of copies.toSorted((a, b) => (a.at < b.at ? -1 : 1))) {
    const last = runs.at(-1)
    const adjoins =
      last?.from === copy.from &&
      last.offset + last.length === copy.offset &&
      last.at + last.length === copy.at
    if (last && adjoins) runs[runs.length - 1] = { ...last, length: last.length + copy.length }
    else runs.push(copy)
  }
  return runs
}
