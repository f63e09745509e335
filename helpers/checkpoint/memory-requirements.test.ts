import { expect, test } from 'vitest'
import { availableMemory } from '../machine/memory.ts'
import { GB, MB } from '../units.ts'
import { messageOf, steady } from '../testing/messages.ts'
import { checkMemory, filesystemRoom } from './memory-requirements.ts'

test('a size that fits into memory is accepted', async () => expect(await checkMemory(MB)).toBeUndefined())

test('a size that does not fit into memory is refused, with the figures', async () => {
  expect(steady(await messageOf(() => checkMemory(1000 * GB)))).toMatchInlineSnapshot(`
    "cannot measure the memory size 1024000MB
      found:    N GB of available memory
      expected: N GB of available memory: N GB for dump, images and rootfs, N GB for the process
      fix:      free memory, or set MEMORY_SIZE to a smaller size"
  `)
})

test('a size that fits into memory without its dump and copy is refused where these are in memory as well', async () => {
  const size = Math.floor((await availableMemory()) / 3)
  expect(await checkMemory(size, 0)).toBeUndefined()
  expect(await messageOf(() => checkMemory(size))).toContain('cannot measure the memory size')
})

test('the room for a filesystem includes the dump and its copy', () => {
  expect(filesystemRoom(64 * MB)).toBeGreaterThan(2 * 64 * MB)
})

test('the room for a filesystem includes the base image', () => {
  expect(filesystemRoom(64 * MB, 500 * MB) - filesystemRoom(64 * MB)).toBe(500 * MB)
})
