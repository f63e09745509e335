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

/** Finds a base image and exports it to a tmpfs of the given size. Returns the error message, or the path of CRIU. */
const exportResult = (path: string, room = 64 * MB): Promise<string> =>
  expectNothingLeft(async () => {
    await using point = await temporaryFolder()
    await using _mounted = await tmpfs.mount(localHost, point.path, room)
    const message = await messageOf(async () => {
      const { criu } = await populateRootfs(localHost, await findBaseImage(path), point.path, NAME)
      return criu.join(' ')
    })
    return steady(message, [path, 'IMAGE'], [point.path, 'ROOTFS'], [NAME, 'NAME'])
  })

/** Puts `program` into a folder as its criu. */
async function imageWith(folder: string, program: string): Promise<void> {
  await mkdir(join(folder, 'usr/sbin'), { recursive: true })
  await copyFile(program, join(folder, 'usr/sbin/criu'))
}

describe('a base image', () => {
  test.each(['folder', 'tarball'])('is exported from a %s with a criu', async (kind) => {
    await using image = await temporaryFolder()
    await imageWith(image.path, (await findCriu()).path)
    // CRIU compares the mode of the root directory, so the export must not take it from the image.
    await chmod(image.path, 0o700)
    const tar = `${image.path}/image.tar`
    if (kind === 'tarball') await promisify(execFile)('tar', ['-cf', tar, '-C', image.path, 'usr'])
    expect(await exportResult(kind === 'tarball' ? tar : image.path)).toBe('no error, but "/.criu/criu"')
  })

  test('can be built here', async () => {
    const image = await findBaseImage('build')
    expect(image.kind).toBe('folder')
    expect(image.description).toMatch(/^(built here|of this host)$/)
  })

  test('that is built here can be made by twenty callers at once', async () => {
    const source = JSON.stringify(join(import.meta.dirname, 'base-image.ts'))
    const script = `const { findBaseImage } = await import(${source})
      const images = await Promise.all(Array.from({ length: 20 }, () => findBaseImage('build')))
      console.log(new Set(images.map(({ path }) => path)).size)`
    // A cache that has the built CRIU, and no base image yet.
    const withFreshCache = `mount -t tmpfs none /mnt; cp -r ${CACHE}/criu-* /mnt; mount --move /mnt ${CACHE}
      "$@"; ls ${CACHE} | grep -c built-image-`
    const argv = ['unshare', '--mount', 'sh', '-ec', withFreshCache, 'sh', process.execPath, '--input-type=module', '-e', script] // prettier-ignore
    expect(await outcomeOf(argv)).toMatchObject({ status: 0, stdout: '1\n1\n', stderr: '' })
  })

  test('is refused without a criu', async () => {
    await using image = await temporaryFolder()
    expect(await exportResult(image.path)).toMatchInlineSnapshot(`
      "cannot use the base image: folder IMAGE
        found:    an image without criu
        expected: one of the programs /usr/local/sbin/criu, /usr/local/bin/criu, /usr/sbin/criu, /usr/bin/criu, /sbin/criu
        fix:      install criu in the image, or set BASE_IMAGE=build to have one built here"
    `)
  })

  test('is refused if its criu is another program, with the output of that program', async () => {
    await using image = await temporaryFolder()
    await imageWith(image.path, await compile(fixture('handlers/native-handler.c')))
    expect(await exportResult(image.path)).toMatchInlineSnapshot(`
      "cannot use the base image (folder IMAGE): its criu of an unknown version does not work on this kernel
        found:    exit status 2 of \`criu check\`
        expected: the output "Looks good." of \`criu check\`
        fix:      use an image with a newer criu: 4.1.1 (Debian 13) supports the kernels since 6.13, 4.2 also their sockets; or set BASE_IMAGE=build to have one built here
        log:      native-handler: found 1 arguments, expected SIZE_BYTES LOCK_FILE REPORT_FILE"
    `)
  })

  test('is refused if its criu lacks libraries', async () => {
    await using image = await temporaryFolder()
    await imageWith(image.path, '/bin/false')
    expect(await exportResult(image.path)).toMatchInlineSnapshot(`
      "cannot use the base image: folder IMAGE
        found:    no /lib64/ld-linux-x86-64.so.2, the loader of its /usr/sbin/criu
        expected: /usr/sbin/criu with its loader and libraries
        fix:      install criu with its packages in the image, or set BASE_IMAGE=build to have one built here"
    `)
  })

  test('is refused if its path does not exist', async () => {
    expect(await exportResult('/nonexistent/image')).toMatchInlineSnapshot(`
      "cannot use the base image IMAGE
        found:    no such file or folder
        expected: a tarball, a folder, the program of a CRIU, docker:NAME, podman:NAME or build
        fix:      export BASE_IMAGE=/path/to/rootfs.tar, or unset it to have one built"
    `)
  })

  test('is refused if it is neither a file nor a folder', async () => {
    expect(await exportResult('/dev/null')).toMatchInlineSnapshot(`
      "cannot use the base image IMAGE
        found:    neither a file nor a folder
        expected: a tarball, a folder, the program of a CRIU, docker:NAME, podman:NAME or build
        fix:      export BASE_IMAGE=/path/to/rootfs.tar, or unset it to have one built"
    `)
  })

  test('is refused if the tarball is broken', async () => {
    await using image = await temporaryFolder()
    const tar = join(image.path, 'image.tar')
    await writeFile(tar, 'no tarball')
    expect(await exportResult(tar)).toMatchInlineSnapshot(`
      "cannot read the base image (tarball IMAGE)
        found:    bash exited with 2
        expected: exit status 0
        fix:      check the image: is it the tarball or the folder of a root file system?
        log:      tar: This does not look like a tar archive
                  tar: Exiting with failure status due to previous errors"
    `)
  })

  test('is refused if it does not fit on the filesystem', async () => {
    await using image = await temporaryFolder()
    await imageWith(image.path, (await findCriu()).path)
    expect(await exportResult(image.path, MB)).toMatchInlineSnapshot(`
      "cannot export the base image (folder IMAGE) to ROOTFS
        found:    cp exited with 1
        expected: exit status 0
        fix:      free space on that file system, and check the image
        log:      cp: error writing 'ROOTFS/usr/sbin/criu': No space left on device"
    `)
  })

  test.each(['docker', 'podman'])('is refused if %s does not have it', async (engine) => {
    const name = 'vitest-criu-no-such-image'
    expect(await messageOf(() => findBaseImage(`${engine}:${name}`))).toBe(
      `cannot use the base image ${engine}:${name}\n` +
        `  found:    no answer from ${engine}, or no image with this name\n` +
        `  expected: \`${engine} image inspect ${name}\` to succeed\n` +
        `  fix:      start ${engine} and build the image, or set BASE_IMAGE=build to have one built here`,
    )
  })

  test.each(['folder', 'image.tar', 'image.tar.gz'])(
    'tells how much room it needs, as a %s',
    async (name) => {
      await using image = await temporaryFolder()
      await mkdir(join(image.path, 'folder'))
      await writeFile(join(image.path, 'folder/file'), Buffer.alloc(MB))
      if (name !== 'folder')
      await promisify(execFile)('tar', ['-C', image.path, '--auto-compress', '-cf', join(image.path, name), 'folder']) // prettier-ignore
      const { bytes } = await findBaseImage(join(image.path, name))
      expect(bytes).toBeGreaterThan(MB)
      expect(bytes).toBeLessThan(1.1 * MB)
    },
  )

  test('is not changed by an export', async () => {
    await using image = await temporaryFolder()
    await imageWith(image.path, (await findCriu()).path)
    await using rootfs = await temporaryFolder()
    await exportBaseImage(localHost, await findBaseImage(image.path), rootfs.path)
    const { stdout } = await promisify(execFile)('find', [image.path, '-type', 'd', '-printf', '/%P\n'])
    expect(stdout).toBe('/\n/usr\n/usr/sbin\n')
  })
})
