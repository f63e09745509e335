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
  /** Runs one step to its end. */
  readonly step: (command: string, ...more: string[]) => Promise<Ended>
  /** Runs steps that must succeed; returns what the last one said. */
  readonly through: (...commands: string[]) => Promise<string>
  /** Runs a step that must fail; returns its whole message. */
  readonly refused: (command: string, ...more: string[]) => Promise<string>
}

/** Runs `action` on an empty folder for a rootfs, and expects it to leave nothing, mounts included. */
const bySteps = (
  action: (steps: Steps) => Promise<void>,
  environment: Record<string, string> = {},
): Promise<void> =>
  expectNothingLeft(async () => {
    await using folder = await temporaryFolder()
    const point = folder.path
    const variables = { ROOTFS_ABS_PATH: point, CONTAINER_NAME: NAME, MEMORY_SIZE: '1048576', ...environment }
    const step: Steps['step'] = (...command) => cli(command, variables)
    const through: Steps['through'] = async (...commands) => {
      let said = ''
      for (const command of commands) {
        const { status, stdout, stderr } = await step(command)
        expect(status, `${command}: ${stderr}`).toBe(0)
        said = stdout
      }
      return said
    }
    const refused: Steps['refused'] = async (...command) => {
      const { status, stdout, stderr } = await step(...command)
      expect({ status, stdout }).toMatchObject({ status: 1 })
      return steady(stderr.replaceAll(/^▸ .*\n/gm, ''), [point, 'ROOTFS'], [NAME, 'NAME'])
    }
    await action({ point, step, through, refused })
  })

describe('the steps by hand', () => {
  test.each(['python', 'native'])(
    "say what the reference's say, and can be done again (%s)",
    async (handler) => {
      await bySteps(
        async ({ step, through }) => {
          for (let round = 0; round < 2; round++) {
            expect(await through('mount')).toMatch(/^tmpfs, size .* mounted on .*\n$/)
            expect(await through('rootfs')).toMatch(
              /^criu .* exported to .*: its CRIU is \/usr\/sbin\/criu\n$/,
            )
            // A size as argument goes before MEMORY_SIZE.
            expect((await step('dump', '16777216')).stdout).toMatch(
              /^TARGET_PID=\d+\n\(\d\d\.\d{6}\) Dumping finished successfully\n$/,
            )
            expect(await through('copy')).toMatch(
              /^\d+ files and the images \(.*\) copied to .*, lock at 1\n$/,
            )
            for (const output of [await through('restore'), await through('restore')]) {
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
            expect(await through('unmount')).toMatch(/ unmounted\n$/)
          }
        },
        { VITEST_CRIU_HANDLER: handler },
      )
    },
  )
})

describe('a step in the wrong place', () => {
  test('is refused: before mount', async () => {
    await bySteps(async ({ refused }) => {
      const message = await refused('dump')
      expect(message).toMatchInlineSnapshot(`
        "cannot use ROOTFS_ABS_PATH=ROOTFS
          found:    nothing mounted there
          expected: a filesystem mounted by \`npm run mount\`
          fix:      npm run mount
        "
      `)
      for (const command of ['rootfs', 'unmount']) expect(await refused(command)).toBe(message)
    })
  })

  test('is refused: mount again, copy before dump, restore before copy', async () => {
    await bySteps(async ({ refused, through }) => {
      await through('mount', 'rootfs')
      expect(await refused('mount')).toMatchInlineSnapshot(`
        "cannot mount on ROOTFS_ABS_PATH=ROOTFS
          found:    tmpfs (vitest-criu) mounted on it
          expected: the absolute path of an empty folder on which nothing is mounted
          fix:      npm run unmount, or umount ROOTFS
        "
      `)
      expect(await refused('copy')).toMatchInlineSnapshot(`
        "cannot go on with ROOTFS
          found:    nothing dumped there
          expected: a rootfs after the steps mount, rootfs and dump
          fix:      npm run mount && npm run rootfs && npm run dump -- 16777216
        "
      `)
      expect(await refused('restore')).toBe(await refused('copy'))
      await through('dump')
      expect(await refused('restore')).toMatchInlineSnapshot(`
        "cannot restore on ROOTFS
          found:    no images copied there
          expected: a rootfs after the step copy
          fix:      npm run copy
        "
      `)
      await through('unmount')
    })
  })

  test('is refused: what is mounted by someone else', async () => {
    await bySteps(async ({ point, refused }) => {
      await outcomeOf(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'theirs', point])
      const message = await refused('unmount')
      await outcomeOf(['umount', point])
      expect(message).toMatchInlineSnapshot(`
        "cannot use ROOTFS_ABS_PATH=ROOTFS
          found:    tmpfs (theirs), which is not ours
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
      "cannot tell where the rootfs is to be
        found:    no ROOTFS_ABS_PATH
        expected: the absolute path of an empty folder
        fix:      mkdir .base && export ROOTFS_ABS_PATH="$PWD/.base"
      "
    `)
  })

  test('to run without root', async () => {
    // The one capability: to read this project wherever it lies.
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

  test('a container name that is taken, with its images untouched', async () => {
    await bySteps(async ({ refused, through }) => {
      await through('mount', 'rootfs', 'dump', 'copy')
      const [hierarchy = ''] = await hierarchies()
      await mkdir(join(hierarchy, NAME))
      const message = await refused('restore')
      await rmdir(join(hierarchy, NAME))
      expect(message.replaceAll(hierarchy, 'HIERARCHY')).toMatchInlineSnapshot(`
        "cannot use "NAME" as the name of a container
          found:    a cgroup of that name in use, at HIERARCHY/NAME
          expected: a name that no cgroup has
          fix:      choose another CONTAINER_NAME, or remove that cgroup: rmdir HIERARCHY/NAME
        "
      `)
      await through('restore')
      expect(await cgroupPaths(NAME)).toEqual([])
      await through('unmount')
    })
  })

  test.each(['mapped', 'eager'])('images that changed since the copy (%s)', async (strategy) => {
    await bySteps(
      async ({ point, refused, through }) => {
        await through('mount', 'rootfs', 'dump')
        await truncate(join(point, '.dump/pages-1.img'), 4096)
        expect(await refused('copy')).toContain('pages-1.img has 4096 bytes')
        await through('dump', 'copy')
        const folder = join(point, strategy === 'mapped' ? 'mapped' : 'images')
        await writeFile(join(folder, 'pstree.img'), 'GIF89a')
        expect(await refused('restore')).toContain('pstree.img')
        await through('unmount')
      },
      { VITEST_CRIU_STRATEGIES: strategy },
    )
  })
})
