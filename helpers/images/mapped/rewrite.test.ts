import { create } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
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

/** A VMA of the generator, in pages. */
interface Plan {
  gap: number
  pages: number
  anonymous: boolean
  /** For each of its pages, whether it is in the dump. */
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

/** VMAs, and the numbers of all pages that are in the dump, in order. */
function layOut(vmaPlans: readonly Plan[]): { vmas: VmaEntry[]; present: bigint[] } {
  let page = 0x7f00_0000n
  const vmas: VmaEntry[] = []
  const present: bigint[] = []
  for (const plan of vmaPlans) {
    page += BigInt(plan.gap)
    vmas.push(vmaAt(page, plan))
    for (const [index, there] of plan.present.entries()) if (there) present.push(page + BigInt(index))
    page += BigInt(plan.pages)
  }
  return { vmas, present }
}

/** Pagemap entries as long as can be, over the borders of VMAs too, as CRIU may write them. */
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

/** A page whose every word is its own number, so that a page in a wrong place is seen. */
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

/** Reads a page of process 12 as a restore of this set would lay it out; undefined where it would be zeros. */
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

describe('rewriting images so that memory is mapped', () => {
  test('keeps every page at its address, and every hole a hole, whatever the VMAs and pagemap', async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (vmaPlans) => {
        const { vmas, present } = layOut(vmaPlans)
        const folder = await writeDump(vmas, present)
        try {
          const set = await readImageSet(folder)
          const target = join(folder, 'mapped')
          await writeMapped(set, rewriteMapped(set, BACKING), target)
          const rewritten = await readImageSet(target)
          const read = await memoryOf(rewritten)
          const there = new Set(present)
          for (const { start, end } of vmas) {
            for (let page = start / BigInt(PAGE); page < end / BigInt(PAGE); page++) {
              const expected = there.has(page) ? contentOf(page) : Buffer.alloc(PAGE)
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

  test('places every mapping so that its address and its offset agree modulo 2 MB, none over another', () => {
    fc.assert(
      fc.property(plans, (vmaPlans) => {
        const { vmas, present } = layOut(vmaPlans)
        const set = inMemory(vmas, present)
        const { images, backingSize } = rewriteMapped(set, BACKING)
        const mapped = images.flatMap((image) => (image.type === 'MM' ? entriesOf(image, 'MM') : []))
        const taken = mapped
          .flatMap((entries) => entries.vmas)
          .filter(({ shmid }) => shmid > 3n)
          .toSorted((a, b) => (a.pgoff < b.pgoff ? -1 : 1))
        let end = 0n
        for (const vma of taken) {
          expect((vma.start - vma.pgoff) % HUGE_PAGE).toBe(0n)
          expect(vma.pgoff).toBeGreaterThanOrEqual(end)
          end = vma.pgoff + (vma.end - vma.start)
        }
        expect(backingSize).toBe(end)
      }),
    )
  })

  test('cuts pagemap entries at the borders of VMAs, losing and doubling nothing', () => {
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

  test('leaves the dump as it was, byte for byte', async () => {
    const folder = temporary(await writeDump(...big()))
    const contents = async () =>
      Promise.all(
        (await readdir(folder)).map(async (file) => [
          file,
          (await readFile(join(folder, file))).toString('hex'),
        ]),
      )
    const before = await contents()
    const set = await readImageSet(folder)
    await writeMapped(set, rewriteMapped(set, BACKING), temporary(`${folder}-mapped`))
    expect(await contents()).toEqual(before)
  })

  test('keeps holes as holes in the backing file, which takes no room for them', async () => {
    const vmas = [vmaAt(0x7f00_0000n, { gap: 0, pages: 20_000, anonymous: true, present: [] })]
    const present = Array.from({ length: 100 }, (_, index) => 0x7f00_0000n + BigInt(index * 200))
    const folder = temporary(await writeDump(vmas, present))
    const set = await readImageSet(folder)
    await writeMapped(set, rewriteMapped(set, BACKING), join(folder, 'mapped'))
    const { size, blocks } = await stat(join(folder, 'mapped/backing'))
    expect(size).toBe(20_000 * PAGE)
    expect(blocks * 512).toBeLessThan(size / 10)
  })
})

describe('rewritten images', () => {
  test('are recognised, and not rewritten again', async () => {
    const folder = temporary(await writeDump(...big()))
    const set = await readImageSet(folder)
    await writeMapped(set, rewriteMapped(set, BACKING), join(folder, 'mapped'))
    const again = await readImageSet(join(folder, 'mapped'))
    expect(() => rewriteMapped({ ...again, folder: 'FOLDER' }, BACKING)).toThrowErrorMatchingInlineSnapshot(`
      [CriuBenchError: cannot rewrite the CRIU images in FOLDER
        found:    that they are mapped from /mapped/backing already
        expected: images as CRIU dumped them
        fix:      rewrite the dump itself, or restore these as they are]
    `)
  })

  test('of another format are refused', () => {
    const foreign = create(InventoryEntrySchema, { imgVersion: 3 })
    const set = inMemory(...big(), {
      file: 'inventory.img',
      type: 'INVENTORY',
      first: undefined,
      entries: [entry(foreign)],
    })
    expect(() => rewriteMapped(set, BACKING)).toThrowErrorMatchingInlineSnapshot(`
      [CriuBenchError: cannot rewrite the CRIU images in FOLDER
        found:    format version 3
        expected: version 1 or 2
        fix:      dump with the CRIU of the base image]
    `)
  })

  test.each([
    ['altered', async (file: string) => writeFile(file, 'x', { flag: 'r+' })],
    ['shortened', async (file: string) => (await import('node:fs/promises')).truncate(file, 4096)],
    ['gone', async (file: string) => rm(file)],
  ])('are refused when their backing file is %s', async (_, damage) => {
    const folder = temporary(await writeDump(...big()))
    const set = await readImageSet(folder)
    const target = join(folder, 'mapped')
    await writeMapped(set, rewriteMapped(set, BACKING), target)
    const { check } = await openMapped(target)
    await expect(check()).resolves.toBeUndefined()
    await damage(join(target, 'backing'))
    const message = await check().catch((error: Error) => error.message.replaceAll(folder, 'FOLDER'))
    expect(message).toMatchSnapshot()
  })
})

/** One anonymous VMA of 1 MB, all of it in the dump: enough to be mapped. */
function big(): [VmaEntry[], bigint[]] {
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
