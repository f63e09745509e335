import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { tmpfs } from '../filesystems/tmpfs.ts'
import { compile } from '../programs/compile.ts'
import { localHost } from '../host/host.ts'
import { CACHE, fixture } from '../installation/paths.ts'
import { populateRootfs } from '../checkpoint/rootfs.ts'
import { MB } from '../units.ts'
import { outcomeOf } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { messageOf, steady } from '../testing/messages.ts'
import { exportBaseImage, findBaseImage } from './base-image.ts'
import { findCriu } from './binary.ts'

const NAME = `vitest-criu-image-${process.pid}`

/** What comes of a base image that is found and exported to a tmpfs of that size. */
const exporting = (path: string, room = 64 * MB): Promise<string> =>
  expectNothingLeft(async () => {
    await using point = await temporaryFolder()
    await using _mounted = await tmpfs.mount(localHost, point.path, room)
    const message = await messageOf(async () => {
      const rootfs = await populateRootfs(localHost, await findBaseImage(path), point.path, NAME)
      return rootfs.criu
    })
    return steady(message, [path, 'IMAGE'], [point.path, 'ROOTFS'], [NAME, 'NAME'])
  })

/** A folder that holds `program` as its criu. */
async function imageWith(folder: string, program: string): Promise<void> {
  await mkdir(join(folder, 'usr/sbin'), { recursive: true })
  await copyFile(program, join(folder, 'usr/sbin/criu'))
}

describe('a base image', () => {
  test.each(['folder', 'tarball'])(
    'is exported from a %s that has a criu, with what a container needs',
    async (kind) => {
      await using image = await temporaryFolder()
      await imageWith(image.path, (await findCriu()).path)
      // CRIU compares the root directory's mode: that of the image does not count.
      await chmod(image.path, 0o700)
      const tar = `${image.path}/image.tar`
      if (kind === 'tarball') await promisify(execFile)('tar', ['-cf', tar, '-C', image.path, 'usr'])
      expect(await exporting(kind === 'tarball' ? tar : image.path)).toBe('no error, but "/usr/sbin/criu"')
    },
  )

  test('that is built here has nothing but a criu', async () => {
    const image = await findBaseImage('build')
    expect(image.kind).toBe('folder')
    expect(image.description).toMatch(/^criu [\d.]+, (built here|of this host)$/)
  })

  test('that is built here can be made by twenty callers at once', async () => {
    const source = JSON.stringify(join(import.meta.dirname, 'base-image.ts'))
    const script = `const { findBaseImage } = await import(${source})
      const images = await Promise.all(Array.from({ length: 20 }, () => findBaseImage('build')))
      console.log(new Set(images.map(({ path }) => path)).size)`
    // A cache that has the built CRIU, and no base image yet.
    const withFreshCache = `mount -t tmpfs none /mnt; cp -r ${CACHE}/criu-* /mnt; mount --move /mnt ${CACHE}
      "$@"; ls ${CACHE} | grep -c base-image-`
    const argv = ['unshare', '--mount', 'sh', '-ec', withFreshCache, 'sh', process.execPath, '--input-type=module', '-e', script] // prettier-ignore
    expect(await outcomeOf(argv)).toMatchObject({ status: 0, stdout: '1\n1\n', stderr: '' })
  })

  test('without a criu is refused', async () => {
    await using image = await temporaryFolder()
    expect(await exporting(image.path)).toMatchInlineSnapshot(`
      "cannot use the base image: folder IMAGE
        found:    no criu in it
        expected: one of /usr/local/sbin/criu, /usr/local/bin/criu, /usr/sbin/criu, /usr/bin/criu, /sbin/criu
        fix:      install criu in the image, or unset BASE_IMAGE to have one built"
    `)
  })

  test('whose criu is another program is refused, with what that said', async () => {
    await using image = await temporaryFolder()
    await imageWith(image.path, await compile(fixture('handlers/native-handler.c')))
    expect(await exporting(image.path)).toMatchInlineSnapshot(`
      "cannot use the base image: its /usr/sbin/criu cannot probe this kernel
        found:    exit status 2 of \`criu check\` in the lean container on ROOTFS, and no criu.kdat
        expected: /run/criu.kdat
        fix:      unset BASE_IMAGE to have a CRIU built for this kernel
        log:      native-handler: found 1 arguments, expected SIZE_BYTES LOCK_FILE REPORT_FILE"
    `)
  })

  test('whose criu lacks its libraries is refused', async () => {
    await using image = await temporaryFolder()
    await imageWith(image.path, '/bin/false')
    expect(await exporting(image.path)).toMatchInlineSnapshot(`
      "cannot run /usr/sbin/criu in the lean container "NAME" on ROOTFS
        found:    execute: /usr/sbin/criu: No such file or directory
        expected: a container that starts
        fix:      run \`npm run doctor\`: it checks what a container needs
        log:      lean-container: cannot execute /usr/sbin/criu: No such file or directory"
    `)
  })

  test('at a path where nothing is is refused', async () => {
    expect(await exporting('/nonexistent/image')).toMatchInlineSnapshot(`
      "cannot use the base image IMAGE
        found:    nothing at that path
        expected: a tarball, a folder, docker:NAME, podman:NAME or build
        fix:      export BASE_IMAGE=/path/to/rootfs.tar, or unset it to have one built"
    `)
  })

  test('that is neither a file nor a folder is refused', async () => {
    expect(await exporting('/dev/null')).toMatchInlineSnapshot(`
      "cannot use the base image IMAGE
        found:    neither a file nor a folder
        expected: a tarball, a folder, docker:NAME, podman:NAME or build
        fix:      export BASE_IMAGE=/path/to/rootfs.tar, or unset it to have one built"
    `)
  })

  test('in a broken tarball is refused', async () => {
    await using image = await temporaryFolder()
    const tar = join(image.path, 'image.tar')
    await writeFile(tar, 'no tarball')
    expect(await exporting(tar)).toMatchInlineSnapshot(`
      "cannot export the base image (tarball IMAGE) to ROOTFS
        found:    tar exited with 2
        expected: exit status 0
        fix:      look at the room left on that file system, and at the image itself
        log:      tar: This does not look like a tar archive
                  tar: Exiting with failure status due to previous errors"
    `)
  })

  test('that does not fit is refused', async () => {
    await using image = await temporaryFolder()
    await imageWith(image.path, (await findCriu()).path)
    expect(await exporting(image.path, MB)).toMatchInlineSnapshot(`
      "cannot export the base image (folder IMAGE) to ROOTFS
        found:    cp exited with 1
        expected: exit status 0
        fix:      look at the room left on that file system, and at the image itself
        log:      cp: error writing 'ROOTFS/usr/sbin/criu': No space left on device"
    `)
  })

  test.each(['docker', 'podman'])('of %s is refused where no engine has it', async (engine) => {
    const name = 'vitest-criu-no-such-image'
    expect(await messageOf(() => findBaseImage(`${engine}:${name}`))).toBe(
      `cannot use the base image ${engine}:${name}\n` +
        `  found:    no answer from ${engine}, or no image of that name\n` +
        `  expected: \`${engine} image inspect ${name}\` to succeed\n` +
        `  fix:      start ${engine} and build the image, or unset BASE_IMAGE to have one built here`,
    )
  })

  test('is not written to by an export', async () => {
    await using image = await temporaryFolder()
    await imageWith(image.path, (await findCriu()).path)
    await using rootfs = await temporaryFolder()
    await exportBaseImage(localHost, await findBaseImage(image.path), rootfs.path)
    const { stdout } = await promisify(execFile)('find', [image.path, '-type', 'd', '-printf', '/%P\n'])
    expect(stdout).toBe('/\n/usr\n/usr/sbin\n')
  })
})
