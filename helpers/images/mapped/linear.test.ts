import { create } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { mm, pagemap, regularFile, smallestDump, vma } from '../building.testing.ts'
import { FdinfoEntrySchema } from '../generated/criu_pb.ts'
import { entry, type FramedImage } from '../image.ts'
import type { ImageSet } from '../image-set.ts'
import { neededFiles } from '../needed-files.ts'
import { validateImageSet } from '../validate.ts'
import { vmaStatus } from '../vma.ts'
import { explainMapped } from './explain.ts'
import { rewriteMapped } from './rewrite.ts'

const PAGE = 4096n

/** A process with areas of one page, a hole between each, an entry of its pagemap for each, and as many open files. */
function dumpWith(count: number): ImageSet {
  const indexes = Array.from({ length: count }, (_, index) => index)
  const start = (index: number): bigint => 0x7f00_0000_0000n + BigInt(index) * 2n * PAGE
  const areas = indexes.map((index) =>
    Object.assign(vma(1 | vmaStatus.ANON_PRIVATE, 0n), { start: start(index), end: start(index) + PAGE }),
  )
  const entries = indexes.map((index) => ({ vaddr: start(index), compatNrPages: 1, flags: 4 }))
  const descriptors = indexes.map((fd) => entry(create(FdinfoEntrySchema, { id: 2, flags: 0, type: 1, fd })))
  const files = [1, 2, 3].map((id) => regularFile(id, id === 3 ? '/' : `/file-${id}`))
  const images: FramedImage[] = [
    ...smallestDump(),
    { file: 'mm-12.img', type: 'MM', first: undefined, entries: [mm(areas)] },
    { file: 'fdinfo-2.img', type: 'FDINFO', first: undefined, entries: descriptors },
    { file: 'files.img', type: 'FILES', first: undefined, entries: files },
    pagemap('pagemap-12.img', 1, ...entries),
  ]
  return {
    folder: 'FOLDER',
    images: new Map(images.map((image) => [image.file, image])),
    raw: new Map([['pages-1.img', count * Number(PAGE)]]),
    others: [],
  }
}

/** Milliseconds of CPU time, the least of three runs. */
function costOf(action: () => unknown): number {
  const times = [1, 2, 3].map(() => {
    const before = process.cpuUsage()
    action()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  })
  return Math.min(...times)
}

test.each([
  ['validated', validateImageSet],
  ['explained', explainMapped],
  ['rewritten', (set: ImageSet) => rewriteMapped(set, '/mapped/backing')],
  ['searched for the files that it needs', neededFiles],
])('a dump with many areas, pagemap entries and open files is %s in linear time', (_, action) => {
  const [few, many] = [dumpWith(1000), dumpWith(16_000)]
  action(few)
  // 16 times as many take 16 times as long; in quadratic time, 256 times.
  expect(costOf(() => action(many)) / costOf(() => action(few))).toBeLessThan(64)
})
