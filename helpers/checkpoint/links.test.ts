import { execFile } from 'node:child_process'
import { copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { readDumped, writeDumped } from '../cli/manifest.ts'
import { exportBaseImage, findBaseImage } from '../criu/base-image.ts'
import { findCriu } from '../criu/binary.ts'
import { handlerFiles, handlerNamed } from '../handlers/handler.ts'
import { NOTHING_OPENED } from '../handlers/opened.ts'
import { layOut } from '../handlers/running.ts'
import { localHost } from '../host/host.ts'
import { runRestore } from '../restore/restore-run.ts'
import { strategyNamed } from '../strategies/index.ts'
import { withCheckpoints } from '../testing/checkpoints.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { messageOf } from '../testing/messages.ts'

/** Every name to which something is written in a rootfs, as a link to a folder of the host. */
const LINKED = ['tmp', 'run', 'etc', 'usr/lib', 'usr/sbin', 'lib', 'lib64', 'var/lib', 'var/cache', '.dump', 'images', 'mapped', 'mapped.draft', 'plain'] // prettier-ignore

/** What is in a folder, with modes, owners, sizes and times. */
const stateOf = async (folder: string): Promise<string> =>
  (await promisify(execFile)('find', [folder, '-printf', '%P %y %m %u %s %T@ %C@\n'])).stdout

/** A base image whose absolute links lead to `victim`, which has the same names. */
async function imageWithLinks(image: string, victim: string): Promise<void> {
  for (const name of LINKED) {
    await mkdir(join(victim, name), { recursive: true })
    await mkdir(join(image, name, '..'), { recursive: true })
    await symlink(join(victim, name), join(image, name))
  }
  await mkdir(join(image, 'usr/bin'), { recursive: true })
  await copyFile((await findCriu()).path, join(image, 'usr/bin/criu'))
}

describe('absolute links of a base image', () => {
  test('are never followed on the host: dump, copy and every restore stay inside the rootfs', async () => {
    await using image = await temporaryFolder()
    // Not in /tmp, which is one of the links.
    await using victim = await temporaryFolder('/var/tmp')
    await imageWithLinks(image.path, victim.path)
    const before = await stateOf(victim.path)
    const strategies = ['plain', 'mapped', 'lazy', 'eager'].map(strategyNamed)
    const plan = { baseImage: image.path, handler: handlerNamed('python'), strategies }
    await withCheckpoints(plan, async (checkpoints) => {
      for (const checkpoint of checkpoints)
        expect((await runRestore(checkpoint)).sample.checksum).toBe(checkpoint.checksum)
    })
    expect(await stateOf(victim.path)).toBe(before)
  })

  test('are not followed by the manifest of a dump by hand', async () => {
    await using rootfs = await temporaryFolder()
    await using victim = await temporaryFolder()
    const file = join(victim.path, 'file')
    await writeFile(file, 'theirs')
    await symlink(file, join(rootfs.path, '.checkpoint.json'))
    const manifest = {
      handler: 'native',
      size: 4096,
      checksum: '1',
      opened: NOTHING_OPENED,
      pid: 7,
      dumpedAt: new Date(0).toISOString(),
    }
    await mkdir(join(rootfs.path, victim.path), { recursive: true })
    await writeDumped(localHost, rootfs.path, manifest)
    expect(await readFile(file, 'utf8')).toBe('theirs')
    expect(await readDumped(localHost, rootfs.path)).toEqual(manifest)
  })

  test('are not followed while a tarball is exported that first makes a link and then a file below it', async () => {
    await using folder = await temporaryFolder()
    await using victim = await temporaryFolder()
    await using rootfs = await temporaryFolder()
    const tar = join(folder.path, 'image.tar')
    const before = await stateOf(victim.path)
    const script = `mkdir one two two/lib; ln -s "$1" one/lib; echo x >two/lib/file; tar -cf "$2" -C one lib; tar -rf "$2" -C two lib/file`
    await promisify(execFile)('sh', ['-ec', script, 'sh', victim.path, tar], { cwd: folder.path })
    await messageOf(async () => exportBaseImage(localHost, await findBaseImage(tar), rootfs.path))
    expect(await stateOf(victim.path)).toBe(before)
  })
})

test('links that a handler made in its own folder are replaced, and not followed', async () => {
  await using parent = await temporaryFolder()
  const folder = join(parent.path, 'handler')
  await mkdir(folder)
  await using victim = await temporaryFolder()
  const file = join(victim.path, 'file')
  await writeFile(file, 'theirs')
  for (const name of Object.values(handlerFiles(folder))) await symlink(file, name)
  await layOut(handlerNamed('native'), folder, '0')
  expect(await readFile(file, 'utf8')).toBe('theirs')
  expect(await readFile(handlerFiles(folder).lock, 'utf8')).toBe('0')
})
