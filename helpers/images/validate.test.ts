import { create } from '@bufbuild/protobuf'
import { rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { mm, pagemap, smallestDump, vma, writeDump } from './building.testing.ts'
import { MemfdInodeEntrySchema } from './generated/criu_pb.ts'
import { entry, readImageSet, validateImageSet } from './index.ts'
import type { FramedImage } from './index.ts'

const folders: string[] = []
afterEach(() => Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true }))))

type Damage = (folder: string) => Promise<unknown>

/** Damages the smallest dump, extended by more images, and returns the message of its validation. */
async function validationOf(damage: Damage, ...more: FramedImage[]): Promise<string> {
  const folder = await writeDump(...smallestDump(), ...more)
  folders.push(folder)
  await damage(folder)
  return readImageSet(folder)
    .then(validateImageSet)
    .then(
      () => 'valid',
      (error: Error) => error.message.replaceAll(folder, 'FOLDER'),
    )
}

const none: Damage = () => Promise.resolve()
const without =
  (file: string): Damage =>
  (folder) =>
    rm(join(folder, file))

const pagesOf =
  (bytes: number): Damage =>
  (folder) =>
    truncate(join(folder, 'pages-1.img'), bytes)

function shared(status: number): FramedImage {
  return { file: 'mm-12.img', type: 'MM', first: undefined, entries: [mm([vma(status, 7n)])] }
}

function memfd(size: bigint): FramedImage {
  const inode = create(MemfdInodeEntrySchema, { name: Buffer.from('m'), size, shmid: 8, inodeId: 1n })
  return { file: 'memfd.img', type: 'MEMFD_INODE', first: undefined, entries: [entry(inode)] }
}

test('accepts a complete dump with logs and other files', async () => {
  expect(await validationOf((folder) => writeFile(join(folder, 'dump.log'), 'log'))).toBe('valid')
})

test('rejects a folder without an inventory', async () => {
  expect(await validationOf(without('inventory.img'))).toMatchInlineSnapshot(`
    "cannot use the CRIU images in FOLDER
      found:    no inventory.img
      expected: inventory.img, which describes a complete dump and is written last
      fix:      copy the whole folder again from the dump, or dump again"
  `)
})

test('rejects a missing folder', async () => {
  expect(await validationOf((folder) => rm(folder, { recursive: true }))).toMatchInlineSnapshot(`
    "cannot read CRIU images from FOLDER
      found:    ENOENT: no such file or directory, scandir 'FOLDER'
      expected: a folder that criu dump wrote
      fix:      check the path and its permissions, or dump again"
  `)
  folders.splice(0)
})

test.each([0n, 1n, 5000n])('rejects a page size that no machine has: %s', async (size) => {
  const { message } = mm()
  const odd = entry({ ...message, mmSavedAuxv: [6n, size, 0n, 0n] })
  const image: FramedImage = { file: 'mm-12.img', type: 'MM', first: undefined, entries: [odd] }
  expect(await validationOf(none, image)).toContain(
    `found:    mm-12.img with a page size of ${size} bytes\n  expected: a power of two from 4096 on`,
  )
})

test.each([
  ['files.img', 'the executables of the processes'],
  ['pstree.img', 'the tree of processes'],
  ['core-12.img', 'process 12'],
  ['core-13.img', 'thread 13 of process 12'],
  ['core-14.img', 'process 14'],
  ['ids-12.img', 'process 12'],
  ['mm-12.img', 'the memory of process 12'],
  ['fs-12.img', 'the working directory and root of process 12'],
  ['pagemap-12.img', 'the memory of process 12'],
  ['fdinfo-2.img', 'the open files of process 12'],
])('rejects a dump without %s, which describes %s', async (file, subject) => {
  const message = await validationOf(without(file))
  expect(message).toContain(`found:    no ${file}`)
  expect(message).toContain(`expected: ${file}, which describes ${subject}`)
})

test('accepts a process without open files, for which CRIU writes no fdinfo', async () => {
  const files = smallestDump().find(({ file }) => file === 'files.img')
  if (files?.type !== 'FILES') throw new Error('no files.img')
  const [program, , folder] = files.entries
  if (!program || !folder) throw new Error('no program and folder')
  expect(await validationOf(without('fdinfo-2.img'), { ...files, entries: [program, folder] })).toBe('valid')
})

test('rejects a process tree without a process', async () => {
  const pstree: FramedImage = { file: 'pstree.img', type: 'PSTREE', first: undefined, entries: [] }
  expect(await validationOf(none, pstree)).toMatchInlineSnapshot(`
    "cannot use the CRIU images in FOLDER
      found:    no process in pstree.img
      expected: at least one process
      fix:      copy the whole folder again from the dump, or dump again"
  `)
})

test('rejects a missing pages file', async () => {
  expect(await validationOf(without('pages-1.img'))).toMatchInlineSnapshot(`
    "cannot use the CRIU images in FOLDER
      found:    no pages-1.img
      expected: pages-1.img of 8192 bytes (2 pages of 4096 bytes in pagemap-12.img)
      fix:      copy the whole folder again from the dump, or dump again"
  `)
})

test('rejects a pages file that is one byte too short, and names both sizes', async () => {
  expect(await validationOf(pagesOf(8191))).toMatchInlineSnapshot(`
    "cannot use the CRIU images in FOLDER
      found:    pages-1.img has 8191 bytes
      expected: 8192 bytes (2 pages of 4096 bytes in pagemap-12.img)
      fix:      copy the whole folder again from the dump, or dump again"
  `)
})

test('rejects a pages file that is too long, and names its size', async () => {
  expect(await validationOf(pagesOf(8193))).toContain('pages-1.img has 8193 bytes')
})

test('counts pages in the 64-bit field of newer CRIU versions', async () => {
  expect(await validationOf(none, pagemap('pagemap-12.img', 1, { nrPages: 3n, flags: 4 }))).toContain(
    '12288 bytes',
  )
})

test('expects lazy pages in the pages file only if they are present as well', async () => {
  const lazy = pagemap('pagemap-12.img', 1, { nrPages: 2n, flags: 6 }, { nrPages: 9n, flags: 2 })
  expect(await validationOf(none, lazy)).toBe('valid')
})

test('rejects shared memory without its pagemap', async () => {
  expect(await validationOf(none, shared(1 << 8))).toMatchInlineSnapshot(`
    "cannot use the CRIU images in FOLDER
      found:    no pagemap-shmem-7.img
      expected: pagemap-shmem-7.img, which describes shared memory of process 12
      fix:      copy the whole folder again from the dump, or dump again"
  `)
})

test('accepts System V shared memory without a pagemap, because its pages may be in another image', async () => {
  expect(await validationOf(none, shared((1 << 8) | (1 << 10)))).toBe('valid')
})

test('rejects a memfd without its pagemap, unless it is empty', async () => {
  expect(await validationOf(none, memfd(1n))).toContain('no pagemap-shmem-8.img')
  expect(await validationOf(none, memfd(0n))).toBe('valid')
})

test('checks the pages file of shared memory', async () => {
  const shmem = pagemap('pagemap-shmem-7.img', 2, { nrPages: 1n, flags: 4 })
  expect(await validationOf(none, shared(1 << 8), shmem)).toContain('no pages-2.img')
})

test('accepts untouched shared memory without a pages file', async () => {
  expect(await validationOf(none, shared(1 << 8), pagemap('pagemap-shmem-7.img', 2))).toBe('valid')
})

test('requires a parent dump that has some of the pages', async () => {
  const inParent = pagemap('pagemap-12.img', 1, { nrPages: 2n, flags: 4 }, { nrPages: 5n, flags: 1 })
  expect(await validationOf(none, inParent)).toMatchInlineSnapshot(`
    "cannot use the CRIU images in FOLDER
      found:    no link named parent
      expected: a link to the parent dump, which has pages of pagemap-12.img
      fix:      copy the whole folder again from the dump, or dump again"
  `)
  expect(await validationOf((folder) => symlink('../before', join(folder, 'parent')), inParent)).toBe('valid')
})

test('rejects an empty image', async () => {
  expect(await validationOf((folder) => writeFile(join(folder, 'tty.img'), ''))).toMatchInlineSnapshot(`
    "cannot decode FOLDER/tty.img at byte 0
      found:    an empty file
      expected: an image that starts with a magic number
      fix:      copy the image again from the dump, or dump again"
  `)
})

test('rejects another kind of file with the name of an image', async () => {
  expect(await validationOf((folder) => writeFile(join(folder, 'tty.img'), '#!/bin/sh\n')))
    .toMatchInlineSnapshot(`
      "cannot decode FOLDER/tty.img at byte 0
        found:    a file that starts with the bytes 23 21 2f 62 69 6e 2f 73
        expected: the magic number of a CRIU image
        fix:      copy the image again from the dump, or dump again"
    `)
})
