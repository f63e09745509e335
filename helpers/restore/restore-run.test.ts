import { cp, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { launch } from '../container/launcher.ts'
import { findCriu } from '../criu/binary.ts'
import { dump } from '../criu/dump.ts'
import { tmpfs } from '../filesystems/tmpfs.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { NOTHING_OPENED } from '../handlers/opened.ts'
import { startHandler } from '../handlers/start.ts'
import { cgroupPaths } from '../cgroup/cgroups.ts'
import { hostPath } from '../host/host.ts'
import { fixture, WORK } from '../installation/paths.ts'
import { compile } from '../programs/compile.ts'
import { openSandbox } from '../sandbox/sandbox.ts'
import { CONTAINER, withCheckpoint } from '../testing/checkpoints.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { messageOf, steady } from '../testing/messages.ts'
import { MB } from '../units.ts'
import { copyForRestore, DUMP_FOLDER, IMAGES_FOLDER } from '../checkpoint/rootfs.ts'
import { strategyNamed } from '../strategies/index.ts'
import { runRestore } from './restore-run.ts'

const KNOWN = [
  [/\/proc\/\d+\/root/g, ''],
  [CONTAINER, 'NAME'],
  [WORK, 'WORK'],
  [/\b(pagemap|core|mm|ids|fs|fdinfo)-\d+\.img/g, '$1-N.img'],
  [/\b\d+ (bytes \(|pages of|bytes of|bytes to)/g, 'N $1'],
  // CRIU's harmless message without CAP_SYS_RESOURCE.
  [/\n.*RLIMIT_NOFILE for self.*/g, ''],
  [/\b\d{10}\.\d{9}\b/g, 'TIME'],
  [/\S*\/lean-container-\w+/g, 'lean-container'],
] as const
const messageFrom = async (action: () => unknown): Promise<string> =>
  steady(await messageOf(action), ...KNOWN)

describe('a run that hangs is ended at its time limit, and its cgroup is removed,', () => {
  test('if a command sleeps in the container', async () => {
    await expectNothingLeft(async () => {
      await using sandbox = await openSandbox(CONTAINER)
      const request = { name: CONTAINER, rootfs: '/', command: ['sleep', '1000'], timeout: 500 }
      expect(await messageFrom(() => launch(sandbox, request))).toMatchInlineSnapshot(`
        "cannot run sleep in the lean container "NAME" on /
          found:    lean-container still running after 0.5 s (killed with its process group)
          expected: an end within 0.5 s
          fix:      read the first error line of the command; run the step by hand: npm run restore
          log:      before start lean container: TIME
                    this is the process in the lean container, pid in container: 2
                    this is the lean container launcher process!
                    before criu restore: TIME"
      `)
      expect(await cgroupPaths(CONTAINER)).toEqual([])
    })
  })

  test("if the handler's lock never opens", async () => {
    await withCheckpoint({}, async (checkpoint) => {
      expect(await messageFrom(() => runRestore(checkpoint, { lock: '0', timeout: 1000 })))
        .toMatchInlineSnapshot(`
        "cannot run /.criu/criu in the lean container "NAME" on WORK/rootfs
          found:    lean-container still running after 1 s (killed with its process group)
          expected: an end within 1 s
          fix:      read the first error line of the command; run the step by hand: npm run restore"
      `)
      expect(await cgroupPaths(CONTAINER)).toEqual([])
      // The images can still be restored.
      await runRestore(checkpoint)
    })
  })
})

describe('a dump', () => {
  test('fails on a full filesystem, and leaves the process running', async () => {
    await expectNothingLeft(async () => {
      await using sandbox = await openSandbox(CONTAINER)
      await using handler = await startHandler(sandbox, handlerNamed('native'), 16 * MB)
      await using mounted = await tmpfs.mount(sandbox, '/mnt', 8 * MB)
      const criu = [(await findCriu()).path]
      const images = join(mounted.point, 'images')
      const request = { criu, pid: handler.pid, images, size: 16 * MB, leaveRunning: false }
      const message = await messageFrom(() => dump(sandbox, request))
      expect(message.replace(/\d+:\d+|\d+\/\d+/g, 'N')).toMatchInlineSnapshot(`
        "cannot dump process PID to /mnt/images
          found:    a dump that CRIU aborted
          expected: "Dumping finished successfully" in CRIU's log
          fix:      free space: the images need as much as the process has memory
          log:      (TIME) Error (criu/page-xfer.c:LINE): page-xfer: Unable to spice data: No space left on device
                    (TIME) Error (criu/bfd.c:LINE): bfd: Error flushing image: No space left on device
                    (TIME) Error (criu/mem.c:LINE): Can't dump page with parasite"
      `)
    })
  })

  test('fails for a process that has ended', async () => {
    await expectNothingLeft(async () => {
      await using sandbox = await openSandbox(CONTAINER)
      const criu = [(await findCriu()).path]
      const request = { criu, pid: 99_999, images: join(WORK, 'images'), size: MB, leaveRunning: false }
      expect(await messageFrom(() => dump(sandbox, request))).toMatchInlineSnapshot(`
        "cannot dump process PID to WORK/images
          found:    a dump that CRIU aborted
          expected: "Dumping finished successfully" in CRIU's log
          fix:      read the log of the process, which has ended
          log:      (TIME) Error (compel/src/lib/infect.c:LINE): Unable to detach from 99999: No such process
                    (TIME) Error (criu/cr-dump.c:LINE): Dumping FAILED."
      `)
    })
  })
})

type Damage = (folder: string) => Promise<unknown>

/** The error for a damaged dump. Also expects the same error for a damaged copy, before any restore. */
const refusalOf = (damage: Damage): Promise<string> =>
  withCheckpoint({}, async (checkpoint) => {
    const { host, rootfs, handler, size } = checkpoint
    const origin = { handler, size, opened: NOTHING_OPENED }
    const [dumped, copied] = [DUMP_FOLDER, IMAGES_FOLDER].map((folder) =>
      hostPath(host, join(rootfs.path, folder)),
    )
    await damage(dumped ?? '')
    const message = await messageFrom(() => copyForRestore(host, rootfs.path))
    await damage(copied ?? '')
    const ofCopy = message.replaceAll(DUMP_FOLDER, IMAGES_FOLDER)
    expect(await messageFrom(() => strategyNamed('eager').open(host, rootfs, origin))).toBe(ofCopy)
    expect(await messageFrom(() => strategyNamed('mapped').prepare(host, rootfs, origin))).toBe(ofCopy)
    return message
  })

describe('a checkpoint is neither copied nor restored', () => {
  test('if a pages file is shorter than its pagemap says', async () => {
    expect(await refusalOf((folder) => truncate(join(folder, 'pages-1.img'), 4096))).toMatchInlineSnapshot(`
      "cannot use the CRIU images in WORK/rootfs/.dump
        found:    pages-1.img has 4096 bytes
        expected: N bytes (N pages of 4096 bytes in pagemap-N.img)
        fix:      copy the whole folder again from the dump, or dump again"
    `)
  })

  test('if a pages file is missing', async () => {
    expect(await refusalOf((folder) => rm(join(folder, 'pages-1.img')))).toMatchInlineSnapshot(`
      "cannot use the CRIU images in WORK/rootfs/.dump
        found:    no pages-1.img
        expected: pages-1.img of N bytes (N pages of 4096 bytes in pagemap-N.img)
        fix:      copy the whole folder again from the dump, or dump again"
    `)
  })

  test('if an image is truncated', async () => {
    expect(await refusalOf((folder) => truncate(join(folder, 'files.img'), 50))).toMatchInlineSnapshot(`
      "cannot decode WORK/rootfs/.dump/files.img (FILES) at byte 12
        found:    only 38 bytes before the end of the file
        expected: N bytes of FileEntry
        fix:      copy the image again from the dump, or dump again"
    `)
  })

  test('if an image is missing', async () => {
    expect(await refusalOf((folder) => rm(join(folder, 'inventory.img')))).toMatchInlineSnapshot(`
      "cannot use the CRIU images in WORK/rootfs/.dump
        found:    no inventory.img
        expected: inventory.img, which describes a complete dump and is written last
        fix:      copy the whole folder again from the dump, or dump again"
    `)
  })

  test('if an image is another kind of file', async () => {
    expect(await refusalOf((folder) => writeFile(join(folder, 'pstree.img'), 'GIF89a')))
      .toMatchInlineSnapshot(`
      "cannot decode WORK/rootfs/.dump/pstree.img at byte 0
        found:    a file that starts with the bytes 47 49 46 38 39 61
        expected: the magic number of a CRIU image
        fix:      copy the image again from the dump, or dump again"
    `)
  })

  test('if an image has the wrong type', async () => {
    expect(await refusalOf((folder) => cp(join(folder, 'files.img'), join(folder, 'pstree.img'))))
      .toMatchInlineSnapshot(`
      "cannot use pstree.img as an image of type PSTREE
        found:    an image of type FILES
        expected: an image of type PSTREE
        fix:      check that no image was renamed or copied over another"
    `)
  })

  test('if all images are missing', async () => {
    expect(await refusalOf((folder) => rm(folder, { recursive: true }))).toMatchInlineSnapshot(`
      "cannot read CRIU images from WORK/rootfs/.dump
        found:    ENOENT: no such file or directory, scandir 'WORK/rootfs/.dump'
        expected: a folder that criu dump wrote
        fix:      check the path and its permissions, or dump again"
    `)
  })
})

test("the error of a failed restore has CRIU's first errors, whether its log is kept or not", async () => {
  for (const keep of [undefined, 'slowest'] as const)
    await withCheckpoint({ keep }, async (checkpoint) => {
      const program = await compile(fixture('handlers/native-handler.c'))
      await rm(hostPath(checkpoint.host, join(checkpoint.rootfs.path, program)))
      const message = await messageFrom(() => runRestore(checkpoint))
      expect(message).toMatch(/fix: +copy again: the rootfs lacks a file that the process had open/)
      expect(message).toMatch(/Error \(criu\/files-reg\.c.*native-handler/)
    })
})
