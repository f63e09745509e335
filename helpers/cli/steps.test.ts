import { readFile, symlink, truncate, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readMounts } from '../mount/mounts.ts'
import { cli, CLI, outcomeOf, type Ended } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { stepsOn, withSteps, type Steps } from './steps.testing.ts'

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

const OUTPUT = {
  mount: /^tmpfs, size .* mounted on .*\n$/,
  rootfs: /^criu .* exported to .*: its CRIU is in \/\.criu\n$/,
  dump: /^TARGET_PID=\d+\n\(\d\d\.\d{6}\) Dumping finished successfully\n$/,
  copy: /^\d+ files \(.*\) and the images \(.*\) copied to .*, lock at 1\n$/,
  unmount: / unmounted\n$/,
}

describe('the steps by hand', () => {
  test('print the same output as the reference, can be repeated, and are refused in the wrong order or on changed images', async () => {
    await withSteps(async (python) => {
      await expectOrder(python)
      const native = stepsOn(python.point, { VITEST_CRIU_HANDLER: 'native' })
      await expectUnchanged(native)
      expect(await native.runAll('unmount')).toMatch(OUTPUT.unmount)
    })
  })

  test('restore observed handlers in two folders at once, which do not affect each other', async () => {
    await withSteps(
      (first) =>
        withSteps(
          async (second) => {
            const both = [first, second]
            await Promise.all(both.map(({ runAll }) => runAll('mount', 'rootfs', 'dump', 'copy')))
            for (const ended of await Promise.all(both.map(({ step }) => step('restore'))))
              expectRestored(ended)
            await first.runAll('unmount')
            expectRestored(await second.step('restore'))
            expect(await second.runAll('unmount')).toMatch(OUTPUT.unmount)
          },
          { VITEST_CRIU_HANDLER: 'node-http' },
        ),
      { VITEST_CRIU_HANDLER: 'python-http' },
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
        expect(await at(path, 'mount')).toMatchObject({ status: 0 })
        expect((await readMounts()).map((mount) => mount.point)).toContain(point)
        expect(await at(path, 'unmount')).toEqual({ status: 0, stdout: `${point} unmounted\n`, stderr: '' })
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
    const commands = ['mount', 'rootfs', 'dump', 'copy', 'restore', 'unmount', 'clean']
    const all = await expectNothingLeft(() =>
      Promise.all(commands.map((command) => outcomeOf([...unprivileged, command]))),
    )
    for (const ended of all) {
      expect(ended).toEqual({
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
})

/** A first round, with every step in the wrong order. */
async function expectOrder({ runAll, failureOf, step }: Steps): Promise<void> {
  expect(await runAll('mount')).toMatch(OUTPUT.mount)
  expect(await failureOf('mount')).toMatchInlineSnapshot(`
    "cannot mount on ROOTFS_ABS_PATH=ROOTFS
      found:    tmpfs (vitest-criu) mounted on it
      expected: the absolute path of an empty folder on which nothing is mounted
      fix:      npm run unmount, or umount ROOTFS
    "
  `)
  expect(await runAll('rootfs')).toMatch(OUTPUT.rootfs)
  const withoutDump = await failureOf('copy')
  expect(withoutDump).toMatchInlineSnapshot(`
    "cannot continue with ROOTFS
      found:    a rootfs without a dump
      expected: a rootfs after the steps mount, rootfs and dump
      fix:      npm run mount && npm run rootfs && npm run dump -- 16777216
    "
  `)
  expect(await failureOf('restore')).toBe(withoutDump)
  // An argument has precedence over MEMORY_SIZE.
  expect((await step('dump', '16777216')).stdout).toMatch(OUTPUT.dump)
  expect(await failureOf('restore')).toMatchInlineSnapshot(`
    "cannot restore on ROOTFS
      found:    a rootfs without copied images
      expected: a rootfs after the step copy
      fix:      npm run copy
    "
  `)
  expect(await runAll('copy')).toMatch(OUTPUT.copy)
  for (const output of [await runAll('restore'), await runAll('restore')])
    expect(output).toMatch(restored('python'))
  await step('dump', '4MB')
  const mixed = await failureOf('restore')
  expect(mixed.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')).toMatchInlineSnapshot(`
    "cannot restore on ROOTFS
      found:    images of an earlier dump, python 16MB of TIME; the last one is python 4MB of TIME
      expected: images that were copied after the last dump
      fix:      npm run copy
    "
  `)
  await runAll('copy')
  expect(await runAll('restore')).toMatch(restored('python'))
  expect(await runAll('unmount')).toMatch(OUTPUT.unmount)
}

/** A second round, with images that change after each step, under each strategy. */
async function expectUnchanged({ point, runAll, variables }: Steps): Promise<void> {
  for (const command of ['mount', 'rootfs', 'dump'] as const)
    expect(await runAll(command)).toMatch(OUTPUT[command])
  const strategies = { mapped: 'mapped', eager: 'images' }
  const failureOf = (command: string, strategy: string): Promise<string> =>
    stepsOn(point, { ...variables, VITEST_CRIU_STRATEGIES: strategy }).failureOf(command)
  const pages = join(point, '.dump/pages-1.img')
  const intact = await readFile(pages)
  await truncate(pages, 4096)
  for (const strategy of Object.keys(strategies))
    expect(await failureOf('copy', strategy)).toContain('pages-1.img has 4096 bytes')
  await writeFile(pages, intact)
  expect(await runAll('copy')).toMatch(OUTPUT.copy)
  expect(await runAll('restore')).toMatch(restored('native'))
  for (const [strategy, folder] of Object.entries(strategies)) {
    await writeFile(join(point, folder, 'pstree.img'), 'GIF89a')
    expect(await failureOf('restore', strategy)).toContain('pstree.img')
  }
}

/** What a restore of an observed handler prints. */
function expectRestored({ status, stdout, stderr }: Ended): void {
  expect(status, stderr).toBe(0)
  expect(stdout).toContain('pass lean container unit test!')
  expect(stderr).toMatch(/^▸ lean container .* ms, cold start .* ms$/m)
}
