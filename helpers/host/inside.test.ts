import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../testing/folders.ts'
import { messageOf, steady } from '../testing/messages.ts'
import { pathInside } from './inside.ts'

test('a path in a root directory is resolved as a process there sees it', async () => {
  await using root = await temporaryFolder()
  const inRoot = (path: string): string => join(root.path, path)
  await mkdir(inRoot('usr/bin'), { recursive: true })
  await writeFile(inRoot('usr/bin/sh'), '')
  await symlink('usr/bin', inRoot('bin'))
  await symlink('/usr', inRoot('absolute'))
  await symlink('../../../../etc', inRoot('usr/upwards'))
  await symlink('/absolute/bin/sh', inRoot('usr/chain'))
  const resolved = (path: string): Promise<string> => pathInside(root.path, path)
  expect(await resolved('/bin/sh')).toBe('/usr/bin/sh')
  expect(await resolved('/absolute/bin/../bin/none/x')).toBe('/usr/bin/none/x')
  expect(await resolved('/usr/upwards/passwd')).toBe('/etc/passwd')
  expect(await resolved('../../usr/chain')).toBe('/usr/bin/sh')
})

test('links in a circle are refused', async () => {
  await using root = await temporaryFolder()
  await symlink('two', join(root.path, 'one'))
  await symlink('one', join(root.path, 'two'))
  const message = await messageOf(() => pathInside(root.path, '/one/file'))
  expect(steady(message, [root.path, 'ROOT'])).toMatchInlineSnapshot(`
    "cannot find /one/file in ROOT
      found:    more than 40 symbolic links
      expected: links that end at a file or a folder
      fix:      correct the links in the base image"
  `)
})
