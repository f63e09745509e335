import { create } from '@bufbuild/protobuf'
import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { mm, regularFile, smallestDump, vma, writeDump } from './building.testing.ts'
import * as pb from './generated/criu_pb.ts'
import { entry, neededFiles, readImageSet } from './index.ts'
import type { Entry, FramedImage, NeededFile } from './index.ts'

async function neededBy(...more: FramedImage[]): Promise<NeededFile[]> {
  const folder = await writeDump(...smallestDump(), ...more)
  try {
    return neededFiles(await readImageSet(folder))
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The memory image of process 12, with mappings of files. */
function mapping(...ids: bigint[]): FramedImage {
  const entries = [mm(ids.map((id) => vma(1 << 6, id)))]
  return { file: 'mm-12.img', type: 'MM', first: undefined, entries }
}

/** files.img with the executable (id 1), the root directory (id 3) and more files. */
function filesImage(...more: Entry<pb.FileEntry>[]): FramedImage {
  const known = [regularFile(1, '/bin/sh', { size: 10n }), regularFile(3, '/', { mode: 0o040755 })]
  return { file: 'files.img', type: 'FILES', first: undefined, entries: [...known, ...more] }
}

function remap(origId: number, remapId: number, remapType: number): FramedImage {
  const entries = [entry(create(pb.RemapFilePathEntrySchema, { origId, remapId, remapType }))]
  return { file: 'remap-fpath.img', type: 'REMAP_FPATH', first: undefined, entries }
}

const pathsOf = (files: NeededFile[]): string[] => files.map(({ path }) => path)

test('lists executables, directories and open files once each, with size, mode and users', async () => {
  expect(await neededBy()).toEqual([
    {
      path: '/',
      kind: 'directory',
      mode: 0o040755,
      usedBy: ['working directory of 12', 'root of 12'],
    },
    { path: '/bin/sh', kind: 'file', size: 10n, mode: 0o100644, usedBy: ['executable of 12'] },
    { path: '/log', kind: 'file', mode: 0o100644, usedBy: ['fd 3 of 12'] },
  ])
})

test('lists mapped files with absolute paths', async () => {
  const mapped = filesImage(regularFile(4, 'usr/lib/./libc.so'), regularFile(5, './opt/x'))
  expect(pathsOf(await neededBy(mapping(4n, 5n), mapped))).toEqual([
    '/',
    '/bin/sh',
    '/opt/x',
    '/usr/lib/libc.so',
  ])
})

test('detects devices by their mode', async () => {
  const needed = await neededBy(mapping(4n), filesImage(regularFile(4, '/dev/null', { mode: 0o020666 })))
  expect(needed.map(({ kind }) => kind)).toEqual(['directory', 'file', 'device'])
})

test('lists FIFOs, whose path is in a separate entry', async () => {
  const fifo = create(pb.FileEntrySchema, { type: 3, id: 4, fifo: { id: 4, pipeId: 1, regfId: 5 } })
  const needed = await neededBy(
    mapping(4n),
    filesImage(entry(fifo), regularFile(5, '/run/fifo', { mode: 0o010644 })),
  )
  expect(needed.map(({ path, kind }) => [path, kind])).toContainEqual(['/run/fifo', 'fifo'])
})

test('omits deleted files, which CRIU restores from ghost-file images', async () => {
  const sameId = regularFile(5, '/not/used')
  const needed = await neededBy(
    mapping(4n),
    filesImage(regularFile(4, '/tmp/deleted'), sameId),
    remap(4, 5, 1),
  )
  expect(pathsOf(needed)).toEqual(['/', '/bin/sh'])
})

test('lists a deleted file under its remaining hard link', async () => {
  const both = filesImage(regularFile(4, '/tmp/deleted'), regularFile(5, '/tmp/link_remap.1'))
  const needed = await neededBy(mapping(4n), both, remap(4, 5, 0))
  expect(pathsOf(needed)).toEqual(['/', '/bin/sh', '/tmp/link_remap.1'])
})

test('omits files that a plugin restores', async () => {
  const needed = await neededBy(mapping(4n), filesImage(regularFile(4, '/dev/gpu', { ext: true })))
  expect(pathsOf(needed)).toEqual(['/', '/bin/sh'])
})

test('rejects a path that is not UTF-8', async () => {
  const name = Buffer.from('/caf\u00e9', 'latin1')
  const needed = neededBy(mapping(4n), filesImage(regularFile(4, '', { name })))
  await expect(needed).rejects.toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot read the path of file 4 in files.img
      found:    /café (shown as Latin-1)
      expected: a path in UTF-8
      fix:      rename the file that the dumped process uses, and dump again]
  `)
})

test('ends for a FIFO whose path is in an entry of a FIFO, itself included', async () => {
  const itself = create(pb.FileEntrySchema, { type: 3, id: 4, fifo: { id: 4, pipeId: 1, regfId: 4 } })
  expect(pathsOf(await neededBy(mapping(4n), filesImage(entry(itself))))).toEqual(['/', '/bin/sh'])
})
