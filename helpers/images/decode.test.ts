import { create, toBinary } from '@bufbuild/protobuf'
import { execa } from 'execa'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../testing/folders.ts'
import { messageOf } from '../testing/messages.ts'
import { common, mm, words } from './building.testing.ts'
import { MmEntrySchema, PipeDataEntrySchema } from './generated/criu_pb.ts'
import { asImage, decodeImage, encodeImage, entriesOf, entry, readImageSet } from './index.ts'

const mmHead = words(common, 0x57492820)

function decoding(file: string, ...parts: Uint8Array[]): () => void {
  return () => decodeImage(Buffer.concat(parts), file)
}

test('decodes an image to its type and encodes a changed entry', () => {
  const bytes = encodeImage({ file: 'mm-1.img', type: 'MM', first: undefined, entries: [mm()] })
  const image = asImage(decodeImage(bytes, 'mm-1.img'), 'MM')
  const changed = image.entries.map(({ message }) => entry({ ...message, mmBrk: 4096n }))
  const again = decodeImage(encodeImage({ ...image, entries: changed }), 'mm-1.img')
  expect(entriesOf(again, 'MM').map((each) => [each.mmBrk, each.exeFileId])).toEqual([[4096n, 1]])
})

test('does not decode memory pages', () => {
  const bytes = Buffer.from('whatever')
  expect(decodeImage(bytes, 'pages-1.img')).toEqual({ file: 'pages-1.img', type: 'RAW', bytes })
})

test('rejects an empty file', () => {
  expect(decoding('mm-1.img')).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode mm-1.img at byte 0
      found:    an empty file
      expected: an image that starts with a magic number
      fix:      copy the image again from the dump, or dump again]
  `)
})

test('rejects a file that ends within its head', () => {
  expect(decoding('mm-1.img', mmHead.subarray(0, 6))).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode mm-1.img at byte 4
      found:    only 2 bytes before the end of the file
      expected: the magic number of an image type
      fix:      copy the image again from the dump, or dump again]
  `)
})

test('rejects an ELF file with the name of an image', () => {
  const elf = Buffer.from('\u007fELF\u0002\u0001\u0001\0', 'latin1')
  expect(decoding('core-1.img', elf)).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode core-1.img at byte 0
      found:    a file that starts with the bytes 7f 45 4c 46 02 01 01 00
      expected: the magic number of a CRIU image
      fix:      copy the image again from the dump, or dump again]
  `)
})

test('rejects a text file with the name of an image', () => {
  expect(decoding('core-1.img', Buffer.from('not an image\n'))).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode core-1.img at byte 0
      found:    a file that starts with the bytes 6e 6f 74 20 61 6e 20 69
      expected: the magic number of a CRIU image
      fix:      copy the image again from the dump, or dump again]
  `)
})

test('rejects an unknown image type', () => {
  expect(decoding('new-1.img', words(common, 0x12345678))).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode new-1.img at byte 4
      found:    the unknown magic number 0x12345678
      expected: an image type that magic.ts lists
      fix:      copy the image again from the dump, or dump again]
  `)
})

test('rejects the magic number of statistics after the head of another kind', () => {
  expect(decoding('stats-dump', words(common, 0x57093306))).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode stats-dump at byte 4
      found:    the magic number of STATS after the head of another kind of image
      expected: the head of an image of type STATS
      fix:      copy the image again from the dump, or dump again]
  `)
})

test('rejects an entry that is longer than the rest of the file', () => {
  expect(decoding('mm-1.img', mmHead, words(4_000_000_000, 1))).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode mm-1.img (MM) at byte 12
      found:    only 4 bytes before the end of the file
      expected: 4000000000 bytes of MmEntry
      fix:      copy the image again from the dump, or dump again]
  `)
})

test('rejects bytes that are not a protobuf message', () => {
  expect(decoding('mm-1.img', mmHead, words(4, 0xffffffff))).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode mm-1.img (MM) at byte 12
      found:    4 bytes that do not encode MmEntry: premature EOF
      expected: an encoded MmEntry
      fix:      copy the image again from the dump, or dump again]
  `)
})

test('rejects an image whose end is filled with zeros', () => {
  expect(decoding('pstree.img', words(common, 0x50273030, 0, 0))).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode pstree.img (PSTREE) at byte 12
      found:    0 bytes that do not encode PstreeEntry: cannot encode field criu.PstreeEntry.pid to binary: required field not set
      expected: an encoded PstreeEntry
      fix:      copy the image again from the dump, or dump again]
  `)
})

test('rejects a memory image without an entry', () => {
  expect(decoding('mm-1.img', mmHead)).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode mm-1.img (MM) at byte 8
      found:    no entry
      expected: exactly one MmEntry
      fix:      copy the image again from the dump, or dump again]
  `)
})

test('rejects a payload that is shorter than its entry says', () => {
  const pipe = toBinary(PipeDataEntrySchema, create(PipeDataEntrySchema, { pipeId: 1, bytes: 100 }))
  const image = decoding('pipes-data.img', words(common, 0x56453709, pipe.length), pipe, Buffer.from('short'))
  expect(image).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode pipes-data.img (PIPES_DATA) at byte 16
      found:    only 5 bytes before the end of the file
      expected: 100 bytes of payload after the PipeDataEntry
      fix:      copy the image again from the dump, or dump again]
  `)
})

test('rejects an image of another type', () => {
  const image = decodeImage(words(common, 0x56303138), 'files.img')
  expect(() => entriesOf(image, 'MM')).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot use files.img as an image of type MM
      found:    an image of type FILES
      expected: an image of type MM
      fix:      check that no image was renamed or copied over another]
  `)
})

test('rejects an entry without a required field', () => {
  const entries = [entry(create(MmEntrySchema, {}))]
  const encoding = (): unknown => encodeImage({ file: 'mm-1.img', type: 'MM', first: undefined, entries })
  expect(encoding).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot encode an entry of mm-1.img (MM)
      found:    cannot encode field criu.MmEntry.mm_start_code to binary: required field not set
      expected: a complete MmEntry
      fix:      set every field of the entry that criu.proto marks as required]
  `)
})

test('rejects an image with more entries than any dump has, before it fills the memory', () => {
  const zeros = decoding('filelocks.img', words(common, 0x54323616), new Uint8Array(8_000_000))
  expect(zeros).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode filelocks.img (FILE_LOCKS) at byte 4000008
      found:    more than 1000000 entries
      expected: an image of a dump
      fix:      copy the image again from the dump, or dump again]
  `)
})

test('rejects an image with a second entry where CRIU writes one, and reads no further', () => {
  const zeros = decoding('seccomp.img', words(common, 0x64413049), new Uint8Array(8_000_000))
  expect(zeros).toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot decode seccomp.img (SECCOMP) at byte 12
      found:    a second entry
      expected: exactly one SeccompEntry
      fix:      copy the image again from the dump, or dump again]
  `)
})

test('rejects a FIFO with the name of an image, and does not wait for a writer', async () => {
  await using folder = await temporaryFolder()
  await execa('mkfifo', [join(folder.path, 'core-1.img')])
  const message = await messageOf(() => readImageSet(folder.path))
  expect(message.replaceAll(folder.path, 'FOLDER')).toMatchInlineSnapshot(`
    "cannot read CRIU images from FOLDER/core-1.img
      found:    not a regular file
      expected: a folder that criu dump wrote
      fix:      check the path and its permissions, or dump again"
  `)
})
