import { chmod, copyFile, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CriuBenchError } from '../../errors.ts'
import { hostPath, type Host } from '../../host/host.ts'
import { ownCommand } from '../../installation/own-command.ts'
import type { Bytes } from '../../units.ts'
import { encodeImage } from '../image.ts'
import { readImageSet, type ImageSet } from '../image-set.ts'
import { sharedMemory } from '../shared-memory.ts'
import { validateImageSet } from '../validate.ts'
import { copyParts, type Pair } from './extents.ts'
import type { Copy, Rewritten } from './rewrite.ts'

/** The files that a rewritten set has in addition: the mapped memory, and a record to detect changes of it. */
export const BACKING_FILE = 'backing'
const MANIFEST = 'mapped.json'

/** The state of the backing file. 64-bit numbers are decimal strings. */
const State = z.strictObject({ size: z.string(), inode: z.string(), changed: z.string() })
const Manifest = z.strictObject({
  backing: State,
  /** Bytes of memory in the backing file, and bytes that are read at the start. */
  mapped: z.int(),
  copied: z.int(),
  /** How many of `copied` are memory that processes share. */
  shared: z.int(),
  /** The address range that contains all mapped memory, in hexadecimal. */
  range: z.strictObject({ start: z.string(), end: z.string() }).optional(),
  /** The largest part of it without mapped memory. */
  gap: z.strictObject({ start: z.string(), end: z.string() }).optional(),
  /** Where programs' own data starts in the backing file, in bytes, if it has any. */
  dataOffset: z.int().optional(),
  /** Whether an area has advice of madvise. */
  advised: z.boolean(),
})

/** A rewritten set on disk. */
export interface MappedSet {
  /** Bytes of memory that are mapped from the backing file. */
  readonly mapped: Bytes
  /** Bytes that are read before a process runs. */
  readonly copied: Bytes
  /** How many of them are memory that processes share. */
  readonly shared: Bytes
  /** The address range that contains all mapped memory, in hexadecimal; undefined if no memory is mapped. */
  readonly range: { readonly start: string; readonly end: string } | undefined
  /** The largest part of it without mapped memory. */
  readonly gap: { readonly start: string; readonly end: string } | undefined
  /** Where programs' own data starts in the backing file, in bytes, if it has any. */
  readonly dataOffset: Bytes | undefined
  /** Whether an area has advice of madvise, which CRIU gives it at each restore. */
  readonly advised: boolean
  /** Throws a CriuBenchError if the backing file was changed. A restore from it would have wrong memory. */
  readonly check: () => Promise<void>
  /** Sizes of its pages files, by name. */
  readonly raw: ImageSet['raw']
}

/** Where a set is rewritten: paths on `host`. */
export interface Places {
  readonly host: Host
  /** The folder of the dump. */
  readonly dump: string
  /** The root directory of the processes, with the files of their programs. */
  readonly root: string
  /** The folder of the rewritten set. */
  readonly folder: string
}

/**
 * Writes a rewritten set and its backing file. The folder is never incomplete: it is written under another name and then
 * renamed. The dump is not changed. Throws a CriuBenchError if the written set is invalid.
 */
export async function writeMapped(set: ImageSet, rewritten: Rewritten, places: Places): Promise<void> {
  const { host } = places
  const folder = hostPath(host, places.folder)
  const draft = `${folder}.draft`
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft)
  try {
    await copyUnchanged(set, rewritten, draft)
    for (const image of rewritten.images) await writeFile(join(draft, image.file), encodeImage(image))
    await copyMemory(rewritten, { ...places, folder: `${places.folder}.draft` })
    const backing = join(draft, BACKING_FILE)
    // Processes map the file, so nothing may write to it.
    await chmod(backing, 0o444)
    const manifest = {
      backing: await statHere(backing),
      ...amounts(set, rewritten),
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
  const { backing, mapped, copied, shared, range, gap, dataOffset, advised } = Manifest.parse(
    JSON.parse(text),
  )
  return {
    mapped,
    copied,
    shared,
    range,
    gap,
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

/** Bytes that are mapped from the backing file, by one process or several, and bytes that are read at the start. */
function amounts(
  set: ImageSet,
  { processes, pages }: Rewritten,
): { mapped: Bytes; copied: Bytes; shared: Bytes } {
  const areas = processes.flatMap((process) => process.areas)
  const present = areas.reduce((total, area) => total + area.present, 0)
  const remaining = Number([...pages.values()].reduce((total, size) => total + size, 0n))
  const copied = pages.size === 0 ? present : remaining
  const shared = sharedMemory(set).reduce((total, { size }) => total + size, 0)
  return { mapped: Math.max(0, present - copied), copied: copied + shared, shared }
}

type AddressRange = Readonly<Record<'start' | 'end', string>>

/** The smallest address range that contains the mapped memory of all processes, and its largest gap. */
function rangeOf({ processes }: Rewritten): { range?: AddressRange; gap?: AddressRange } {
  const areas = processes
    .flatMap((process) => process.areas.filter(({ decision }) => decision.mapped))
    .map(({ vma: { start, end } }) => ({ start, end }))
    .toSorted((one, other) => (one.start < other.start ? -1 : 1))
  const [first] = areas
  if (first === undefined) return {}
  let [last, gap] = [first.end, { start: first.end, end: first.end }]
  for (const { start, end } of areas) {
    if (start - last > gap.end - gap.start) gap = { start: last, end: start }
    if (end > last) last = end
  }
  return {
    range: inHexadecimal(first.start, last),
    ...(gap.end > gap.start && { gap: inHexadecimal(gap.start, gap.end) }),
  }
}

const inHexadecimal = (start: bigint, end: bigint): AddressRange => ({
  start: start.toString(16),
  end: end.toString(16),
})

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

/** Makes the backing file and the pages files. */
async function copyMemory({ copies, pages, backingSize }: Rewritten, places: Places): Promise<void> {
  const { host, folder } = places
  for (const [file, size] of [...pages, [BACKING_FILE, backingSize] as const]) {
    await using target = await open(hostPath(host, join(folder, file)), 'wx')
    // Setting the size first leaves holes, and lets the kernel choose huge pages.
    await target.truncate(Number(size))
  }
  const targets = Map.groupBy(copies, ({ from, to }) => (to === 'backing' ? BACKING_FILE : from))
  const pairs = [...targets].flatMap(([target, parts]) =>
    merged(parts).map(({ from, offset, length, at }): Pair => ({
      first: { file: join(from.startsWith('/') ? places.root : places.dump, from), offset },
      second: { file: join(folder, target), offset: at },
      length,
    })),
  )
  if (pairs.length > 0) await copyParts(host, pairs, folder)
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
