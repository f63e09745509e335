import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../testing/folders.ts'
import { messageOf } from '../testing/messages.ts'
import { makeFolder } from './folders.ts'
import { localHost } from './host.ts'

test('a folder is made with its parents, and may be there already', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'a/b')
  await makeFolder(localHost, path, 0o700)
  await makeFolder(localHost, path)
  expect((await stat(path)).mode & 0o777).toBe(0o700)
})

test('a folder of a sandbox that has ended is an error at once', async () => {
  // The pid is larger than any.
  const ended = { namespacePrefix: [], root: '/proc/4194305/root' }
  expect(await messageOf(() => makeFolder(ended, '/var/lib/vitest-criu'))).toContain('ENOENT')
})
