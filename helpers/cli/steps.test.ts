import { symlink, truncate, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cli, CLI, outcomeOf } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { withSteps } from './steps.testing.ts'

/** What the step `restore` prints. */
const restored = (handler: string): RegExp =>
  new RegExp(
    String.raw`^before start lean container: \d+\.\d{9}
this is the process in the lean container, pid in container: \d+
this is the lean container launcher process!
before criu restore: \d+\.\d{9}
pass lean container unit test!
before start ${handler} handler: \d+\.\d{6}
\[micro-execution\] time: \d+\.\d\d us
$`,
  )

describe('the steps by hand', () => {
  test('print the same output as the reference, and can be repeated', async () => {
    await withSteps(async ({ step, runAll }) => {
      for (let round = 0; round < 2; round++) {
        expect(await runAll('mount')).toMatch(/^tmpfs, size .* mounted on .*\n$/)
        expect(await runAll('rootfs')).toMatch(/^criu .* exported to .*: its CRIU is in \/\.criu\n$/)
        // An argument has precedence over MEMORY_SIZE.
        expect((await step('dump', '16777216')).stdout).toMatch(
          /^TARGET_PID=\d+\n\(\d\d\.\d{6}\) Dumping finished successfully\n$/,
        )
        expect(await runAll('copy')).toMatch(
          /^\d+ files \(.*\) and the images \(.*\) copied to .*, lock at 1\n$/,
        )
        for (const output of [await runAll('restore'), await runAll('restore')])
          expect(output).toMatch(restored('python'))
        expect(await runAll('unmount')).toMatch(/ unmounted\n$/)
      }
    })
  })

  test.each(['python-http', 'node-http'])('restore an observed handler (%s)', async (handler) => {
    await withSteps(
      async ({ runAll, step }) => {
        await runAll('mount', 'rootfs', 'dump', 'copy')
        const { status, stdout, stderr } = await step('restore')
        expect(status, stderr).toBe(0)
        expect(stdout).toContain('pass lean container unit test!')
        expect(stderr).toMatch(/^▸ lean container .* ms, cold start .* ms$/m)
        await runAll('unmount')
      },
      { VITEST_CRIU_HANDLER: handler },
    )
  })

  test('in two folders at once do not affect each other', async () => {
    await withSteps((first) =>
      withSteps(
        async (second) => {
          const both = (...commands: string[]) =>
            Promise.all([first.runAll(...commands), second.runAll(...commands)])
          await both('mount', 'rootfs', 'dump')
          await both('copy', 'restore')
          await first.runAll('unmount')
          expect(await second.runAll('restore')).toMatch(restored('native'))
          await second.runAll('unmount')
        },
        { VITEST_CRIU_HANDLER: 'native' },
      ),
    )
  })

  test('take a ROOTFS_ABS_PATH with a slash at the end, with a link, and with ".."', async () => {
    await withSteps(async ({ point, variables }) => {
      await using elsewhere = await temporaryFolder()
      const link = join(elsewhere.path, 'link')
      await symlink(point, link)
      const paths = [`${point}/`, link, `${link}/../${basename(point)}`]
      const at = (path: string, command: string) => cli([command], { ...variables, ROOTFS_ABS_PATH: path })
      for (const path of paths) {
        const [mounted, again, unmounted] = [await at(path, 'mount'), await at(point, 'mount'), await at(path, 'unmount')] // prettier-ignore
        expect(mounted).toMatchObject({ status: 0 })
        expect(again.stderr).toContain('tmpfs (vitest-criu) mounted on it')
        expect(unmounted).toEqual({ status: 0, stdout: `${point} unmounted\n`, stderr: '' })
      }
    })
  })
})

describe('a step in the wrong order is refused', () => {
  test('before mount', async () => {
    await withSteps(async ({ failureOf }) => {
      const message = await failureOf('dump')
      expect(message).toMatchInlineSnapshot(`
        "cannot use ROOTFS_ABS_PATH=ROOTFS
          found:    a folder on which nothing is mounted
          expected: a filesystem mounted by \`npm run mount\`
          fix:      npm run mount
        "
      `)
      for (const command of ['rootfs', 'unmount']) expect(await failureOf(command)).toBe(message)
    })
  })

  test('if it is a second mount, copy before dump, restore before copy, or restore after another dump', async () => {
    await withSteps(async ({ failureOf, runAll, step }) => {
      await runAll('mount', 'rootfs')
      expect(await failureOf('mount')).toMatchInlineSnapshot(`
        "cannot mount on ROOTFS_ABS_PATH=ROOTFS
          found:    tmpfs (vitest-criu) mounted on it
          expected: the absolute path of an empty folder on which nothing is mounted
          fix:      npm run unmount, or umount ROOTFS
        "
      `)
      expect(await failureOf('copy')).toMatchInlineSnapshot(`
        "cannot continue with ROOTFS
          found:    a rootfs without a dump
          expected: a rootfs after the steps mount, rootfs and dump
          fix:      npm run mount && npm run rootfs && npm run dump -- 16777216
        "
      `)
      expect(await failureOf('restore')).toBe(await failureOf('copy'))
      await runAll('dump')
      expect(await failureOf('restore')).toMatchInlineSnapshot(`
        "cannot restore on ROOTFS
          found:    a rootfs without copied images
          expected: a rootfs after the step copy
          fix:      npm run copy
        "
      `)
      await runAll('copy', 'restore')
      await step('dump', '4MB')
      const mixed = await failureOf('restore')
      expect(mixed.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')).toMatchInlineSnapshot(`
        "cannot restore on ROOTFS
          found:    images of an earlier dump, python 1MB of TIME; the last one is python 4MB of TIME
          expected: images that were copied after the last dump
          fix:      npm run copy
        "
      `)
      await runAll('copy', 'restore', 'unmount')
    })
  })

  test('on a filesystem that someone else has mounted', async () => {
    await withSteps(async ({ point, failureOf }) => {
      await outcomeOf(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'theirs', point])
      const message = await failureOf('unmount')
      await outcomeOf(['umount', point])
      expect(message).toMatchInlineSnapshot(`
        "cannot use ROOTFS_ABS_PATH=ROOTFS
          found:    tmpfs (theirs), mounted by someone else
          expected: a filesystem mounted by \`npm run mount\`
          fix:      npm run mount
        "
      `)
    })
  })
})

describe('a step refuses', () => {
  test('to run without ROOTFS_ABS_PATH', async () => {
    expect((await cli(['mount'])).stderr).toMatchInlineSnapshot(`
      "cannot choose a folder for the rootfs
        found:    no environment variable ROOTFS_ABS_PATH
        expected: ROOTFS_ABS_PATH with the absolute path of an empty folder
        fix:      mkdir .base && export ROOTFS_ABS_PATH="$PWD/.base"
      "
    `)
  })

  test('to run without root', async () => {
    // The capability lets the program read this project in any folder.
    // prettier-ignore
    const unprivileged = ['setpriv', '--reuid', '65534', '--clear-groups',
      '--inh-caps', '+dac_read_search', '--ambient-caps', '+dac_read_search', ...CLI]
    for (const command of ['mount', 'rootfs', 'dump', 'copy', 'restore', 'unmount', 'clean']) {
      expect(await expectNothingLeft(() => outcomeOf([...unprivileged, command]))).toEqual({
        status: 1,
        stdout: '',
        stderr:
          'cannot mount, dump or restore anything\n' +
          '  found:    uid 65534\n' +
          '  expected: root (uid 0)\n' +
          '  fix:      sudo -E npm start\n',
      })
    }
  })

  test.each(['mapped', 'eager'])('images that have changed since the copy (%s)', async (strategy) => {
    await withSteps(
      async ({ point, failureOf, runAll }) => {
        await runAll('mount', 'rootfs', 'dump')
        await truncate(join(point, '.dump/pages-1.img'), 4096)
        expect(await failureOf('copy')).toContain('pages-1.img has 4096 bytes')
        await runAll('dump', 'copy')
        const folder = join(point, strategy === 'mapped' ? 'mapped' : 'images')
        await writeFile(join(folder, 'pstree.img'), 'GIF89a')
        expect(await failureOf('restore')).toContain('pstree.img')
        await runAll('unmount')
      },
      { VITEST_CRIU_STRATEGIES: strategy },
    )
  })
})
