import { create, toBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { common, mm, words } from './building.testing.ts'
import { MmEntrySchema, PipeDataEntrySchema } from './generated/criu_pb.ts'
import { asImage, decodeImage, encodeImage, entriesOf, entry } from './index.ts'

const mmHead = words(common, 0x57492820)

function decoding(file: string, ...parts: Uint8Array[]): () => void {
  return () => decodeImage(Buffer.concat(parts), file)
}

test('a decoded image is typed by what it is, and a changed entry is written', () => {
  const bytes = encodeImage({ file: 'mm-1.img', type: 'MM', first: undefined, entries: [mm()] })
  const image = asImage(decodeImage(bytes, 'mm-1.img'), 'MM')
  const changed = image.entries.map(({ message }) => entry({ ...message, mmBrk: 4096n }))
  const again = decodeImage(encodeImage({ ...image, entries: changed }), 'mm-1.img')
  expect(entriesOf(again, 'MM').map((each) => [each.mmBrk, each.exeFileId])).toEqual([[4096n, 1]])
})

test('memory pages are left as they are, whatever they start with', () => {
  const bytes = Buffer.from('whatever')
  expect(decodeImage(bytes, 'pages-1.img')).toEqual({ file: 'pages-1.img', type: 'RAW', bytes })
})

test('an empty file is refused', () => {
  expect(decoding('mm-1.img')).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode mm-1.img at byte 0
      found:    an empty file
      expected: a magic
      fix:      copy the image again from where it was dumped, or dump again]
  `)
})

test('a file that ends in its head is refused', () => {
  expect(decoding('mm-1.img', mmHead.subarray(0, 6))).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode mm-1.img at byte 4
      found:    2 bytes to the end of the file
      expected: the magic of a type
      fix:      copy the image again from where it was dumped, or dump again]
  `)
})

test('an ELF file under the name of an image is refused', () => {
  const elf = Buffer.from('\u007fELF\u0002\u0001\u0001\0', 'latin1')
  expect(decoding('core-1.img', elf)).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode core-1.img at byte 0
      found:    a foreign file that starts with 7f 45 4c 46 02 01 01 00
      expected: the magic of a CRIU image
      fix:      copy the image again from where it was dumped, or dump again]
  `)
})

test('a text file under the name of an image is refused', () => {
  expect(decoding('core-1.img', Buffer.from('not an image\n'))).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode core-1.img at byte 0
      found:    a foreign file that starts with 6e 6f 74 20 61 6e 20 69
      expected: the magic of a CRIU image
      fix:      copy the image again from where it was dumped, or dump again]
  `)
})

test('a type that no CRIU knows is refused', () => {
  expect(decoding('new-1.img', words(common, 0x12345678))).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode new-1.img at byte 4
      found:    the unknown magic 0x12345678
      expected: the magic of a type in magic.ts
      fix:      copy the image again from where it was dumped, or dump again]
  `)
})

test('the magic of statistics after the head of images is refused', () => {
  expect(decoding('stats-dump', words(common, 0x57093306))).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode stats-dump at byte 4
      found:    the magic of STATS after a head of another kind
      expected: the head of STATS
      fix:      copy the image again from where it was dumped, or dump again]
  `)
})

test('an entry that is longer than the rest of the file is refused', () => {
  expect(decoding('mm-1.img', mmHead, words(4_000_000_000, 1))).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode mm-1.img (MM) at byte 12
      found:    4 bytes to the end of the file
      expected: 4000000000 bytes of MmEntry
      fix:      copy the image again from where it was dumped, or dump again]
  `)
})

test('bytes that are no protobuf message are refused', () => {
  expect(decoding('mm-1.img', mmHead, words(4, 0xffffffff))).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode mm-1.img (MM) at byte 12
      found:    4 bytes that are no MmEntry: premature EOF
      expected: MmEntry
      fix:      copy the image again from where it was dumped, or dump again]
  `)
})

test('an image of which the end was filled with zeros is refused', () => {
  expect(decoding('pstree.img', words(common, 0x50273030, 0, 0))).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode pstree.img (PSTREE) at byte 12
      found:    0 bytes that are no PstreeEntry: cannot encode field criu.PstreeEntry.pid to binary: required field not set
      expected: PstreeEntry
      fix:      copy the image again from where it was dumped, or dump again]
  `)
})

test('a memory image without its one entry is refused', () => {
  expect(decoding('mm-1.img', mmHead)).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode mm-1.img (MM) at byte 8
      found:    0 entries
      expected: one MmEntry
      fix:      copy the image again from where it was dumped, or dump again]
  `)
})

test('a payload that is shorter than its entry says is refused', () => {
  const pipe = toBinary(PipeDataEntrySchema, create(PipeDataEntrySchema, { pipeId: 1, bytes: 100 }))
  const image = decoding('pipes-data.img', words(common, 0x56453709, pipe.length), pipe, Buffer.from('short'))
  expect(image).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode pipes-data.img (PIPES_DATA) at byte 16
      found:    5 bytes to the end of the file
      expected: 100 bytes of payload after the PipeDataEntry
      fix:      copy the image again from where it was dumped, or dump again]
  `)
})

test('an image of another type than the one asked for is refused', () => {
  const image = decodeImage(words(common, 0x56303138), 'files.img')
  expect(() => entriesOf(image, 'MM')).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot use files.img as an image of type MM
      found:    an image of type FILES
      expected: MM
      fix:      check that no image was renamed or copied over another]
  `)
})

test('an entry that was built without a required field is refused', () => {
  const entries = [entry(create(MmEntrySchema, {}))]
  const encoding = (): unknown => encodeImage({ file: 'mm-1.img', type: 'MM', first: undefined, entries })
  expect(encoding).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot encode an entry of mm-1.img (MM)
      found:    cannot encode field criu.MmEntry.mm_start_code to binary: required field not set
      expected: a complete MmEntry
      fix:      set every required field of criu.proto in the entry that was built or changed]
  `)
})
