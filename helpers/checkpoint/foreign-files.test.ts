import { existsSync } from 'node:fs'
import { readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { asImage, decodeImage, encodeImage } from '../images/index.ts'
import { hostPath } from '../host/host.ts'
import { run } from '../process/process.ts'
import { withCheckpoint } from '../testing/checkpoints.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { messageOf, steady } from '../testing/messages.ts'
import { copyForRestore, DUMP_FOLDER } from './rootfs.ts'

/** The error for a dump whose images say that the process had `path` where it had its lock. Nothing is copied then. */
const refusalOf = (path: string, more: { mode?: number; size?: bigint } = {}): Promise<string> =>
  withCheckpoint({}, async ({ host, rootfs }) => {
    const file = hostPath(host, join(rootfs.path, DUMP_FOLDER, 'files.img'))
    const image = asImage(decodeImage(await readFile(file), file), 'FILES')
    const entry = image.entries.find(({ message }) =>
      Buffer.from(message.reg?.name ?? [])
        .toString()
        .endsWith('/lock'),
    )
    if (!entry?.message.reg) throw new Error('the process has no lock')
    Object.assign(entry.message.reg, { name: Buffer.from(path), ...more })
    await writeFile(file, encodeImage(image))
    const message = await messageOf(() => copyForRestore(host, rootfs.path))
    expect(existsSync(hostPath(host, join(rootfs.path, path)))).toBe(false)
    return steady(message, [/mapping of \d+/g, 'mapping of PID'])
  })

describe('a file that foreign images name is not copied', () => {
  test('under a path that the kernel gives to no process', async () => {
    expect(steady(await refusalOf('/var/lib/../../etc/passwd'))).toMatchInlineSnapshot(`
      "cannot use the path of file 2 in files.img
        found:    /var/lib/../../etc/passwd
        expected: a path without "..": the kernel gives a process no other
        fix:      use only images that CRIU has written: dump again"
    `)
  })

  test('if its size is another one', async () => {
    const message = await refusalOf('/etc/passwd', { size: 1n })
    expect(steady(message, [/found: {4}\d+ bytes/g, 'found:    N bytes'])).toMatchInlineSnapshot(`
      "cannot copy /etc/passwd for the restored process (mapping of PID)
        found:    N bytes, mode 100644
        expected: the file that the process had at the dump, 1 bytes, mode 100644
        fix:      dump again on this machine, because the file is another one now"
    `)
  })

  test('if its mode is another one', async () => {
    const { length } = await readFile('/etc/shadow')
    const message = await refusalOf('/etc/shadow', { size: BigInt(length), mode: 0o100644 })
    expect(steady(message, [/\b\d+ bytes/g, 'N bytes'])).toMatchInlineSnapshot(`
      "cannot copy /etc/shadow for the restored process (mapping of PID)
        found:    N bytes, mode 100640
        expected: the file that the process had at the dump, N bytes, mode 100644
        fix:      dump again on this machine, because the file is another one now"
    `)
  })

  test('if it does not exist', async () => {
    expect(steady(await refusalOf('/no/such/file'))).toMatchInlineSnapshot(`
      "cannot copy /no/such/file for the restored process (mapping of PID)
        found:    no such file
        expected: the file that the process had at the dump, 1 bytes, mode 100644
        fix:      dump again on this machine, because the file is another one now"
    `)
  })

  test('if a link leads to it', async () => {
    await using folder = await temporaryFolder()
    await symlink('/etc/passwd', join(folder.path, 'link'))
    const message = await refusalOf(join(folder.path, 'link'))
    expect(steady(message, [folder.path, 'FOLDER'])).toMatchInlineSnapshot(`
      "cannot copy FOLDER/link for the restored process (mapping of PID)
        found:    a path with a symbolic link
        expected: the file that the process had at the dump, 1 bytes, mode 100644
        fix:      dump again on this machine, because the file is another one now"
    `)
  })

  test('if it is no regular file', async () => {
    await using folder = await temporaryFolder()
    const fifo = join(folder.path, 'fifo')
    const facts = { failed: 'cannot make a FIFO', fix: 'install coreutils', timeout: 5000 }
    await run({ namespacePrefix: [], root: '/' }, { argv: ['mkfifo', '-m', '644', fifo], ...facts })
    expect(steady(await refusalOf(fifo), [folder.path, 'FOLDER'])).toMatchInlineSnapshot(`
      "cannot copy FOLDER/fifo for the restored process (mapping of PID)
        found:    0 bytes, mode 10644
        expected: the file that the process had at the dump, 1 bytes, mode 100644
        fix:      dump again on this machine, because the file is another one now"
    `)
  })
})
