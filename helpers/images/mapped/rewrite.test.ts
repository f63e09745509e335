import { create } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { localHost } from '../../host/host.ts'
import { mm, pagemap, regularFile, smallestDump } from '../building.testing.ts'
import { InventoryEntrySchema, VmaEntrySchema, type VmaEntry } from '../generated/criu_pb.ts'
import { encodeImage, entriesOf, entry, type FramedImage } from '../image.ts'
import { imageIn, readImageSet, type ImageSet } from '../image-set.ts'
import { pageCount } from '../pagemap.ts'
import { liveProcesses } from '../processes.ts'
import { vmaStatus } from '../vma.ts'
import { areasOf } from './areas.ts'
import { rewriteMapped } from './rewrite.ts'
import { openMapped, writeMapped } from './write.ts'

const PAGE = 4096
const HUGE_PAGE = 2n * 1024n * 1024n
const BACKING = '/mapped/backing'

/** A generated VMA. Sizes are in pages. */
interface Plan {
  gap: number
  pages: number
  anonymous: boolean
  /** For each page, whether it is in the dump. */
  present: boolean[]
}

const plans = fc.array(
  fc
    .record({ gap: fc.nat(300), pages: fc.integer({ min: 1, max: 200 }), anonymous: fc.boolean() })
    .chain((vma) =>
      fc
        .array(fc.boolean(), { minLength: vma.pages, maxLength: vma.pages })
        .map((present): Plan => ({ ...vma, present })),
    ),
  { minLength: 1, maxLength: 12 },
)

function vmaAt(page: bigint, { pages, anonymous }: Plan): VmaEntry {
  const kind = anonymous ? vmaStatus.ANON_PRIVATE : vmaStatus.FILE_PRIVATE
  const start = page * BigInt(PAGE)
  const more = { pgoff: 0n, shmid: anonymous ? 0n : 2n, prot: 3, flags: anonymous ? 0x22 : 2, fd: -1n }
  return create(VmaEntrySchema, { start, end: start + BigInt(pages * PAGE), status: 1 | kind, ...more })
}

/** The VMAs, and the sorted numbers of all pages in the dump. */
function layOut(vmaPlans: readonly Plan[]): { vmas: VmaEntry[]; present: bigint[] } {
  let page = 0x7f00_0000n
  const vmas: VmaEntry[] = []
  const present: bigint[] = []
  for (const plan of vmaPlans) {
    page += BigInt(plan.gap)
    vmas.push(vmaAt(page, plan))
    for (const [index, isPresent] of plan.present.entries()) if (isPresent) present.push(page + BigInt(index))
    page += BigInt(plan.pages)
  }
  return { vmas, present }
}

/** The longest possible pagemap entries. Like those of CRIU, they can span several VMAs. */
function runsOf(pages: readonly bigint[]): Array<{ vaddr: bigint; compatNrPages: number; flags: number }> {
  const runs: Array<{ vaddr: bigint; compatNrPages: number; flags: number }> = []
  for (const page of pages) {
    const last = runs.at(-1)
    if (last && last.vaddr + BigInt(last.compatNrPages * PAGE) === page * BigInt(PAGE))
      last.compatNrPages += 1
    else runs.push({ vaddr: page * BigInt(PAGE), compatNrPages: 1, flags: 4 })
  }
  return runs
}

/** A page that is filled with its own number, so that misplaced pages are detected. */
const contentOf = (page: bigint): Buffer => Buffer.from(new BigUint64Array(PAGE / 8).fill(page).buffer)

async function writeDump(vmas: VmaEntry[], present: readonly bigint[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rewrite-'))
  const memory: FramedImage[] = [
    { file: 'mm-12.img', type: 'MM', first: undefined, entries: [mm(vmas)] },
    pagemap('pagemap-12.img', 1, ...runsOf(present)),
  ]
  for (const image of [...smallestDump(), ...memory])
    await writeFile(join(folder, image.file), encodeImage(image))
  await writeFile(join(folder, 'pages-1.img'), Buffer.concat(present.map(contentOf)))
  return folder
}

/** Returns a function that reads a page of process 12 after a restore; undefined means a page of zeros. */
async function memoryOf(set: ImageSet): Promise<(page: bigint) => Buffer | undefined> {
  const [process] = liveProcesses(set)
  const backing = await readFile(join(set.folder, 'backing'))
  const pages = await readFile(join(set.folder, 'pages-1.img'))
  const kept = new Map<bigint, number>()
  let offset = 0
  for (const run of entriesOf(imageIn(set, 'PAGEMAP', 'pagemap-12.img', 'a test'), 'PAGEMAP')) {
    for (let index = 0n; index < pageCount(run); index++) {
      kept.set(run.vaddr / BigInt(PAGE) + index, offset)
      offset += PAGE
    }
  }
  const files = entriesOf(imageIn(set, 'FILES', 'files.img', 'a test'), 'FILES')
  const backingId = files.find(({ reg }) => reg && Buffer.from(reg.name).toString() === BACKING)?.id
  return (page) => {
    const address = page * BigInt(PAGE)
    const vma = process?.mm.vmas.find(({ start, end }) => start <= address && address < end)
    const stored = kept.get(page)
    if (stored !== undefined) return pages.subarray(stored, stored + PAGE)
    if (vma?.shmid !== BigInt(backingId ?? -1)) return undefined
    const at = Number(vma.pgoff + (address - vma.start))
    return backing.subarray(at, at + PAGE)
  }
}

const temporary = (folder: string): string => {
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const writeTo = (folder: string, set: ImageSet): Promise<void> =>
  writeMapped(set, rewriteMapped(set, BACKING), { host: localHost, dump: set.folder, root: set.folder, folder }) // prettier-ignore

describe('rewriteMapped', () => {
  test('keeps the content of every page for any VMAs and pagemap', async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (vmaPlans) => {
        const { vmas, present } = layOut(vmaPlans)
        const folder = await writeDump(vmas, present)
        try {
          const set = await readImageSet(folder)
          const target = join(folder, 'mapped')
          await writeTo(target, set)
          const rewritten = await readImageSet(target)
          const read = await memoryOf(rewritten)
          const inDump = new Set(present)
          for (const { start, end } of vmas) {
            for (let page = start / BigInt(PAGE); page < end / BigInt(PAGE); page++) {
              const expected = inDump.has(page) ? contentOf(page) : Buffer.alloc(PAGE)
              expect((read(page) ?? Buffer.alloc(PAGE)).equals(expected), `page ${page}`).toBe(true)
            }
          }
        } finally {
          await rm(folder, { recursive: true })
        }
      }),
      { numRuns: 60 },
    )
  }, 60_000)

  test('allocates mappings without overlap, with addresses and offsets that are equal modulo 2 MB', () => {
    fc.assert(
      fc.property(plans, (vmaPlans) => {
        const { vmas, present } = layOut(vmaPlans)
        const set = inMemory(vmas, present)
        const { images, backingSize } = rewriteMapped(set, BACKING)
        const mapped = images.flatMap((image) => (image.type === 'MM' ? entriesOf(image, 'MM') : []))
        const mappings = mapped
          .flatMap((entries) => entries.vmas)
          .filter(({ shmid }) => shmid > 3n)
          .toSorted((a, b) => (a.pgoff < b.pgoff ? -1 : 1))
        let end = 0n
        for (const vma of mappings) {
          expect((vma.start - vma.pgoff) % HUGE_PAGE).toBe(0n)
          expect(vma.pgoff).toBeGreaterThanOrEqual(end)
          end = vma.pgoff + (vma.end - vma.start)
        }
        expect(backingSize).toBe(end)
      }),
    )
  })

  test('splits pagemap entries at the borders of VMAs without losing or duplicating pages', () => {
    fc.assert(
      fc.property(plans, (vmaPlans) => {
        const { vmas, present } = layOut(vmaPlans)
        const set = inMemory(vmas, present)
        const entries = entriesOf(imageIn(set, 'PAGEMAP', 'pagemap-12.img', 'a test'), 'PAGEMAP')
        const { areas, loose } = areasOf(vmas, entries, BigInt(PAGE))
        expect(loose).toEqual([])
        const offsets: bigint[] = []
        for (const { vma, runs } of areas) {
          for (const run of runs) {
            expect(run.start).toBeGreaterThanOrEqual(vma.start)
            expect(run.start + run.length).toBeLessThanOrEqual(vma.end)
            for (let at = 0n; at < run.length; at += BigInt(PAGE)) offsets.push((run.stored ?? 0n) + at)
          }
        }
        expect(offsets).toEqual(present.map((_, index) => BigInt(index * PAGE)))
      }),
    )
  })

  test('does not change the dump', async () => {
    const folder = temporary(await writeDump(...mappableVma()))
    const contents = async () =>
      Promise.all(
        (await readdir(folder)).map(async (file) => [
          file,
          (await readFile(join(folder, file))).toString('hex'),
        ]),
      )
    const before = await contents()
    await writeTo(temporary(`${folder}-mapped`), await readImageSet(folder))
    expect(await contents()).toEqual(before)
  })

  test('makes a sparse backing file', async () => {
    const vmas = [vmaAt(0x7f00_0000n, { gap: 0, pages: 20_000, anonymous: true, present: [] })]
    const present = Array.from({ length: 100 }, (_, index) => 0x7f00_0000n + BigInt(index * 200))
    const folder = temporary(await writeDump(vmas, present))
    await writeTo(join(folder, 'mapped'), await readImageSet(folder))
    const { size, blocks } = await stat(join(folder, 'mapped/backing'))
    expect(size).toBe(20_000 * PAGE)
    expect(blocks * 512).toBeLessThan(size / 10)
  })
})

describe('rewritten images', () => {
  test('are rejected by another rewrite', async () => {
    const folder = temporary(await writeDump(...mappableVma()))
    const set = await readImageSet(folder)
    await writeTo(join(folder, 'mapped'), set)
    const again = await readImageSet(join(folder, 'mapped'))
    expect(() => rewriteMapped({ ...again, folder: 'FOLDER' }, BACKING)).toThrowErrorMatchingInlineSnapshot(`
      [CriuBenchError: cannot rewrite the CRIU images in FOLDER
        found:    images whose memory is already mapped from /mapped/backing
        expected: images that CRIU dumped
        fix:      rewrite the original dump, or restore these images as they are]
    `)
  })

  test('of an unknown format are rejected', () => {
    const foreign = create(InventoryEntrySchema, { imgVersion: 3 })
    const set = inMemory(...mappableVma(), {
      file: 'inventory.img',
      type: 'INVENTORY',
      first: undefined,
      entries: [entry(foreign)],
    })
    expect(() => rewriteMapped(set, BACKING)).toThrowErrorMatchingInlineSnapshot(`
      [CriuBenchError: cannot rewrite the CRIU images in FOLDER
        found:    images of format version 3
        expected: images of format version 1 or 2
        fix:      dump with the CRIU of the base image]
    `)
  })

  test('without any file are rejected: each process has an executable', () => {
    const none: FramedImage = { file: 'files.img', type: 'FILES', first: undefined, entries: [] }
    expect(() => rewriteMapped(inMemory(...mappableVma(), none), BACKING))
      .toThrowErrorMatchingInlineSnapshot(`
      [CriuBenchError: cannot use the CRIU images in FOLDER
        found:    files.img without an entry
        expected: one entry, which describes the executables of the processes
        fix:      copy the whole folder again from the dump, or dump again]
    `)
  })

  test.each([
    ['changed', async (file: string) => writeFile(file, 'x', { flag: 'r+' })],
    ['shortened', async (file: string) => (await import('node:fs/promises')).truncate(file, 4096)],
    ['missing', async (file: string) => rm(file)],
  ])('are rejected if their backing file is %s', async (_, damage) => {
    const folder = temporary(await writeDump(...mappableVma()))
    const set = await readImageSet(folder)
    const target = join(folder, 'mapped')
    await writeTo(target, set)
    const { check } = await openMapped(target)
    await expect(check()).resolves.toBeUndefined()
    await damage(join(target, 'backing'))
    const message = await check().catch((error: Error) => error.message.replaceAll(folder, 'FOLDER'))
    expect(message).toMatchSnapshot()
  })
})

/** One anonymous VMA of 1 MB with all pages in the dump, which is large enough to be mapped. */
function mappableVma(): [VmaEntry[], bigint[]] {
  const { vmas, present } = layOut([
    { gap: 0, pages: 256, anonymous: true, present: Array.from({ length: 256 }, () => true) },
  ])
  return [vmas, present]
}

function inMemory(vmas: VmaEntry[], present: readonly bigint[], ...more: FramedImage[]): ImageSet {
  const memory: FramedImage[] = [
    { file: 'mm-12.img', type: 'MM', first: undefined, entries: [mm(vmas)] },
    pagemap('pagemap-12.img', 1, ...runsOf(present)),
    {
      file: 'files.img',
      type: 'FILES',
      first: undefined,
      entries: [regularFile(1, '/bin/sh'), regularFile(3, '/')],
    },
  ]
  const images = new Map([...smallestDump(), ...memory, ...more].map((image) => [image.file, image]))
  return { folder: 'FOLDER', images, raw: new Map([['pages-1.img', present.length * PAGE]]), others: [] }
}
