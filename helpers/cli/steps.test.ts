import { mkdir, rmdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cgroupPaths, hierarchies } from '../cgroup/cgroups.ts'
import { cli, CLI, outcomeOf, type Ended } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { steady } from '../testing/messages.ts'

const NAME = `vitest-criu-steps-${process.pid}`

interface Steps {
  readonly point: string
  /** Runs one step. */
  readonly step: (command: string, ...more: string[]) => Promise<Ended>
  /** Runs steps that must succeed. Returns the output of the last one. */
  readonly runAll: (...commands: string[]) => Promise<string>
  /** Runs a step that must fail. Returns its message. */
  readonly failureOf: (command: string, ...more: string[]) => Promise<string>
}

/** Runs `action` with an empty folder for a rootfs. Expects that it leaves nothing, not even a mount. */
const withSteps = (
  action: (steps: Steps) => Promise<void>,
  environment: Record<string, string> = {},
): Promise<void> =>
  expectNothingLeft(async () => {
    await using folder = await temporaryFolder()
    const point = folder.path
    const variables = { ROOTFS_ABS_PATH: point, CONTAINER_NAME: NAME, MEMORY_SIZE: '1048576', ...environment }
    const step: Steps['step'] = (...command) => cli(command, variables)
    const runAll: Steps['runAll'] = async (...commands) => {
      let output = ''
      for (const command of commands) {
        const { status, stdout, stderr } = await step(command)
        expect(status, `${command}: ${stderr}`).toBe(0)
        output = stdout
      }
      return output
    }
    const failureOf: Steps['failureOf'] = async (...command) => {
      const { status, stdout, stderr } = await step(...command)
      expect({ status, stdout }).toMatchObject({ status: 1 })
      return steady(stderr.replaceAll(/^▸ .*\n/gm, ''), [point, 'ROOTFS'], [NAME, 'NAME'])
    }
    await action({ point, step, runAll, failureOf })
  })

describe('the steps by hand', () => {
  test.each(['python', 'native'])(
    'print the same output as the reference, and can be repeated (%s)',
    async (handler) => {
      await withSteps(
        async ({ step, runAll }) => {
          for (let round = 0; round < 2; round++) {
            expect(await runAll('mount')).toMatch(/^tmpfs, size .* mounted on .*\n$/)
            expect(await runAll('rootfs')).toMatch(/^criu .* exported to .*: its CRIU is in \/\.criu\n$/)
            // An argument has precedence over MEMORY_SIZE.
            expect((await step('dump', '16777216')).stdout).toMatch(
              /^TARGET_PID=\d+\n\(\d\d\.\d{6}\) Dumping finished successfully\n$/,
            )
            expect(await runAll('copy')).toMatch(
              /^\d+ files and the images \(.*\) copied to .*, lock at 1\n$/,
            )
            for (const output of [await runAll('restore'), await runAll('restore')]) {
              expect(output).toMatch(
                new RegExp(
                  String.raw`^before start lean container: \d+\.\d{9}
this is the process in the lean container, pid in container: \d+
this is the lean container launcher process!
before criu restore: \d+\.\d{9}
pass lean container unit test!
before start ${handler} handler: \d+\.\d{6}
\[micro-execution\] time: \d+\.\d\d us
$`,
                ),
              )
            }
            expect(await runAll('unmount')).toMatch(/ unmounted\n$/)
          }
        },
        { VITEST_CRIU_HANDLER: handler },
      )
    },
  )
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

  test('if it is a second mount, copy before dump, or restore before copy', async () => {
    await withSteps(async ({ failureOf, runAll }) => {
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
      await runAll('unmount')
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

  test('a container name that is in use, and leaves the images unchanged', async () => {
    await withSteps(async ({ failureOf, runAll }) => {
      await runAll('mount', 'rootfs', 'dump', 'copy')
      const [hierarchy = ''] = await hierarchies()
      await mkdir(join(hierarchy, NAME))
      const message = await failureOf('restore')
      await rmdir(join(hierarchy, NAME))
      expect(message.replaceAll(hierarchy, 'HIERARCHY')).toMatchInlineSnapshot(`
        "cannot use "NAME" as the name of a container
          found:    a cgroup of that name in use, at HIERARCHY/NAME
          expected: a name that no cgroup has
          fix:      choose another CONTAINER_NAME, or remove that cgroup: rmdir HIERARCHY/NAME
        "
      `)
      await runAll('restore')
      expect(await cgroupPaths(NAME)).toEqual([])
      await runAll('unmount')
    })
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
