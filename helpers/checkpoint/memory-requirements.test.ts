import { totalmem } from 'node:os'
import { expect, test } from 'vitest'
import { GB, MB } from '../units.ts'
import { messageOf, steady } from '../testing/messages.ts'
import { checkMemory, filesystemRoom } from './memory-requirements.ts'

test('a size that fits is no matter', async () => expect(await checkMemory(MB)).toBeUndefined())

test('a size that the machine cannot hold is refused with the figures', async () => {
  expect(steady(await messageOf(() => checkMemory(1000 * GB)))).toMatchInlineSnapshot(`
    "cannot measure the memory size 1024000MB
      found:    N GB of memory available
      expected: N GB: N GB for dump, images and rootfs, N GB for the process
      fix:      free memory, or set MEMORY_SIZE to less"
  `)
})

test('as large as the memory is too large: dump, copy and process come on top', async () => {
  expect(await messageOf(() => checkMemory(totalmem()))).toContain('cannot measure the memory size')
})

test('a filesystem has room for a dump and its copy', () => {
  expect(filesystemRoom(64 * MB)).toBeGreaterThan(2 * 64 * MB)
})
