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

/** What validation says of the smallest dump with more images in it and then damaged. */
async function validating(damage: Damage, ...more: FramedImage[]): Promise<string> {
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

test('a complete dump is valid, with logs and other files beside the images', async () => {
  expect(await validating((folder) => writeFile(join(folder, 'dump.log'), 'log'))).toBe('valid')
})

test('a folder without an inventory is refused', async () => {
  expect(await validating(without('inventory.img'))).toMatchInlineSnapshot(`
    "cannot use the CRIU images in FOLDER
      found:    no inventory.img
      expected: inventory.img, for a finished dump of CRIU, which writes it last
      fix:      copy the whole folder again from where it was dumped, or dump again"
  `)
})

test('a folder that does not exist is refused', async () => {
  expect(await validating((folder) => rm(folder, { recursive: true }))).toMatchInlineSnapshot(`
    "cannot read CRIU images from FOLDER
      found:    ENOENT: no such file or directory, scandir 'FOLDER'
      expected: a folder that criu dump has written
      fix:      check the path and its permissions, or dump again"
  `)
  folders.splice(0)
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
])('a dump without its %s is refused, because that has %s', async (file, because) => {
  const message = await validating(without(file))
  expect(message).toContain(`found:    no ${file}`)
  expect(message).toContain(`expected: ${file}, for ${because}`)
})

test('a process tree without a process is refused', async () => {
  const pstree: FramedImage = { file: 'pstree.img', type: 'PSTREE', first: undefined, entries: [] }
  expect(await validating(none, pstree)).toMatchInlineSnapshot(`
    "cannot use the CRIU images in FOLDER
      found:    no process in pstree.img
      expected: one process or more
      fix:      copy the whole folder again from where it was dumped, or dump again"
  `)
})

test('a file of pages that is missing is refused', async () => {
  expect(await validating(without('pages-1.img'))).toMatchInlineSnapshot(`
    "cannot use the CRIU images in FOLDER
      found:    no pages-1.img
      expected: pages-1.img of 8192 bytes (2 pages of 4096 bytes in pagemap-12.img)
      fix:      copy the whole folder again from where it was dumped, or dump again"
  `)
})

test('a file of pages that is one byte short is refused with both sizes', async () => {
  expect(await validating(pagesOf(8191))).toMatchInlineSnapshot(`
    "cannot use the CRIU images in FOLDER
      found:    pages-1.img has 8191 bytes
      expected: 8192 bytes (2 pages of 4096 bytes in pagemap-12.img)
      fix:      copy the whole folder again from where it was dumped, or dump again"
  `)
})

test('a file of pages that is too long is refused with both sizes', async () => {
  expect(await validating(pagesOf(8193))).toContain('pages-1.img has 8193 bytes')
})

test('the pages of a CRIU that counts them in 64 bits are counted too', async () => {
  expect(await validating(none, pagemap('pagemap-12.img', 1, { nrPages: 3n, flags: 4 }))).toContain(
    '12288 bytes',
  )
})

test('pages that are lazy and present are in the file, pages that are only lazy are not', async () => {
  const lazy = pagemap('pagemap-12.img', 1, { nrPages: 2n, flags: 6 }, { nrPages: 9n, flags: 2 })
  expect(await validating(none, lazy)).toBe('valid')
})

test('shared memory whose pages are missing is refused', async () => {
  expect(await validating(none, shared(1 << 8))).toMatchInlineSnapshot(`
    "cannot use the CRIU images in FOLDER
      found:    no pagemap-shmem-7.img
      expected: pagemap-shmem-7.img, for memory that process 12 shares
      fix:      copy the whole folder again from where it was dumped, or dump again"
  `)
})

test('System V shared memory needs no pages of its own, since these can be in another image', async () => {
  expect(await validating(none, shared((1 << 8) | (1 << 10)))).toBe('valid')
})

test('a memfd whose pages are missing is refused, unless it is empty', async () => {
  expect(await validating(none, memfd(1n))).toContain('no pagemap-shmem-8.img')
  expect(await validating(none, memfd(0n))).toBe('valid')
})

test('shared memory is checked against its own file of pages', async () => {
  const shmem = pagemap('pagemap-shmem-7.img', 2, { nrPages: 1n, flags: 4 })
  expect(await validating(none, shared(1 << 8), shmem)).toContain('no pages-2.img')
})

test('shared memory in which no page was touched needs no file of pages', async () => {
  expect(await validating(none, shared(1 << 8), pagemap('pagemap-shmem-7.img', 2))).toBe('valid')
})

test('pages that are in a parent dump need that dump', async () => {
  const inParent = pagemap('pagemap-12.img', 1, { nrPages: 2n, flags: 4 }, { nrPages: 5n, flags: 1 })
  expect(await validating(none, inParent)).toMatchInlineSnapshot(`
    "cannot use the CRIU images in FOLDER
      found:    no link named parent
      expected: the parent dump, for pages of pagemap-12.img
      fix:      copy the whole folder again from where it was dumped, or dump again"
  `)
  expect(await validating((folder) => symlink('../before', join(folder, 'parent')), inParent)).toBe('valid')
})

test('an empty image is refused', async () => {
  expect(await validating((folder) => writeFile(join(folder, 'tty.img'), ''))).toMatchInlineSnapshot(`
    "cannot decode FOLDER/tty.img at byte 0
      found:    an empty file
      expected: a magic
      fix:      copy the image again from where it was dumped, or dump again"
  `)
})

test('a foreign file under the name of an image is refused', async () => {
  expect(await validating((folder) => writeFile(join(folder, 'tty.img'), '#!/bin/sh\n')))
    .toMatchInlineSnapshot(`
      "cannot decode FOLDER/tty.img at byte 0
        found:    a foreign file that starts with 23 21 2f 62 69 6e 2f 73
        expected: the magic of a CRIU image
        fix:      copy the image again from where it was dumped, or dump again"
    `)
})
