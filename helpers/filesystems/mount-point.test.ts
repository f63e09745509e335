import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { localHost } from '../host/host.ts'
import { MB } from '../units.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { messageOf, steady } from '../testing/messages.ts'
import { filesystem } from './index.ts'
import { checkMountPoint } from './mount-point.ts'
import { tmpfs } from './tmpfs.ts'

/** Why the path below a new folder, made as `make` does, is refused. */
const refused = async (make: (path: string) => Promise<unknown>): Promise<string> => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'base')
  await make(path)
  return steady(await messageOf(() => checkMountPoint(localHost, path)), [folder.path, 'FOLDER'])
}

describe('a mount point is refused', () => {
  test('that is relative', async () => {
    expect(await messageOf(() => checkMountPoint(localHost, '.base'))).toMatchInlineSnapshot(`
      "cannot mount on ROOTFS_ABS_PATH=.base
        found:    a relative path
        expected: the absolute path of an empty folder on which nothing is mounted
        fix:      export ROOTFS_ABS_PATH="$PWD/.base""
    `)
  })

  test('that is missing', async () => {
    expect(await refused(() => Promise.resolve())).toMatchInlineSnapshot(`
      "cannot mount on ROOTFS_ABS_PATH=FOLDER/base
        found:    no such path
        expected: the absolute path of an empty folder on which nothing is mounted
        fix:      mkdir -p FOLDER/base"
    `)
  })

  test('that is a file', async () => {
    expect(await refused((path) => writeFile(path, ''))).toMatchInlineSnapshot(`
      "cannot mount on ROOTFS_ABS_PATH=FOLDER/base
        found:    a file
        expected: the absolute path of an empty folder on which nothing is mounted
        fix:      set it to a folder"
    `)
  })

  test('that is not empty', async () => {
    expect(await refused((path) => mkdir(join(path, 'thesis'), { recursive: true }))).toMatchInlineSnapshot(`
      "cannot mount on ROOTFS_ABS_PATH=FOLDER/base
        found:    a folder with files in it (thesis, …)
        expected: the absolute path of an empty folder on which nothing is mounted
        fix:      set it to an empty folder"
    `)
  })

  test('that already has a mount', async () => {
    await expectNothingLeft(async () => {
      await using folder = await temporaryFolder()
      await using _mounted = await tmpfs.mount(localHost, folder.path, MB)
      const message = await messageOf(() => checkMountPoint(localHost, folder.path))
      expect(steady(message, [folder.path, 'FOLDER'])).toMatchInlineSnapshot(`
        "cannot mount on ROOTFS_ABS_PATH=FOLDER
          found:    tmpfs (vitest-criu) mounted on it
          expected: the absolute path of an empty folder on which nothing is mounted
          fix:      npm run unmount, or umount FOLDER"
      `)
    })
  })
})

describe('a filesystem', () => {
  test('of an unknown name is refused', async () => {
    expect(await messageOf(() => filesystem('zfs'))).toMatchInlineSnapshot(`
      "cannot use the filesystem "zfs"
        found:    "zfs"
        expected: one of tmpfs, ext4, ceph
        fix:      filesystems: ['tmpfs'] in vitest.config.ts, or VITEST_CRIU_FILESYSTEMS=tmpfs"
    `)
  })

  test('that cannot be mounted is an error with the output of mount(8)', async () => {
    expect(await messageOf(() => tmpfs.mount(localHost, '/nonexistent', MB))).toMatchInlineSnapshot(`
      "cannot mount tmpfs on /nonexistent
        found:    mount exited with 32
        expected: exit status 0
        fix:      run as root with CAP_SYS_ADMIN
        log:      mount: /nonexistent: mount point does not exist.
                         dmesg(1) may have more information after failed mount system call."
    `)
  })

  test('that is in use is not unmounted, and the error names the fix', async () => {
    await using folder = await temporaryFolder()
    const mounted = await tmpfs.mount(localHost, folder.path, MB)
    const before = process.cwd()
    process.chdir(folder.path)
    const message = await messageOf(() => mounted[Symbol.asyncDispose]())
    process.chdir(before)
    await mounted[Symbol.asyncDispose]()
    expect(steady(message, [folder.path, 'FOLDER'])).toMatchInlineSnapshot(`
      "cannot unmount FOLDER
        found:    umount exited with 32
        expected: exit status 0
        fix:      end the processes that use it: fuser --verbose --mount FOLDER
        log:      umount: FOLDER: target is busy."
    `)
  })
})
