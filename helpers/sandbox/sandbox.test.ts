import { existsSync } from 'node:fs'
import { mkdir, readdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { outcomeOf } from '../testing/commands.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { messageOf } from '../testing/messages.ts'
import { hierarchies } from '../cgroup/cgroups.ts'
import { hostPath } from '../host/host.ts'
import { readMounts } from '../mount/mounts.ts'
import { treeOf } from '../proc/tree.ts'
import { LEDGERS, WORK } from '../installation/paths.ts'
import { start } from '../process/daemon.ts'
import { run } from '../process/process.ts'
import { openSandbox } from './sandbox.ts'

const NAME = `vitest-criu-sandbox-${process.pid}`

describe('a sandbox', () => {
  test('has private mounts and processes, which end with it', async () => {
    await expectNothingLeft(async () => {
      const outside = await readMounts()
      await using sandbox = await openSandbox(NAME)
      expect((await readMounts(sandbox)).map(({ point }) => point)).toEqual(
        expect.arrayContaining(['/run', WORK]),
      )
      expect(await readMounts()).toEqual(outside)
      await run(sandbox, {
        argv: [
          'sh',
          '-c',
          'mkdir /run/more; mount -t tmpfs vitest-criu /run/more; sleep 1000 >/dev/null 2>&1 &',
        ],
        failed: 'cannot leave something running',
        fix: '',
        timeout: 5000,
      })
      expect(existsSync(hostPath(sandbox, '/run/more'))).toBe(true)
    })
  })

  test('has no daemon any more once it is disposed of, whenever PID 1 reaps its orphans', async () => {
    await expectNothingLeft(async () => {
      await using sandbox = await openSandbox(NAME)
      // Its memory makes its end take longer than that of the process that started it.
      const program =
        'import os, time; b = b"b" * (400 << 20); print(os.getpid(), flush=True); time.sleep(1000)'
      let pid = ''
      {
        // prettier-ignore
        await using _daemon = start(sandbox, {
          argv: ['python3', '-c', program], failed: 'cannot wait', fix: '', onLine: (line) => void (pid = line) })
        await expect.poll(() => pid, { timeout: 5000 }).toMatch(/^\d+$/)
      }
      expect(existsSync(hostPath(sandbox, `/proc/${pid}`))).toBe(false)
    })
  })

  test('opens beside a ledger entry that cannot be read, and says so', async () => {
    const file = join(LEDGERS, 'other.json')
    const script = `const { openSandbox } = await import(${JSON.stringify(join(import.meta.dirname, 'sandbox.ts'))})
      await (await openSandbox(${JSON.stringify(NAME)}))[Symbol.asyncDispose]()`
    // In a folder of its own: whatever else runs here would set the entry aside as well.
    const inOwnFolder = `mkdir -p ${LEDGERS} && mount -t tmpfs none ${LEDGERS} && echo 'no JSON' > ${file} && "$@" && ls ${LEDGERS}`
    // prettier-ignore
    const { stdout, stderr } = await expectNothingLeft(() => outcomeOf(['unshare', '--mount', 'sh', '-c', inOwnFolder, 'sh',
      process.execPath, '--input-type=module', '--import', join(import.meta.dirname, '../disposal.ts'), '--eval', script]))
    expect(stderr).toBe(`▸ set aside a ledger entry that cannot be read: ${file}.unreadable\n`)
    expect(stdout).toBe('other.json.unreadable\n')
  })

  test('has started all its own processes when it opens: what starts later descends from a handler', async () => {
    for (let round = 0; round < 3; round++) {
      await using sandbox = await openSandbox(`vitest-criu-test-${process.pid}`)
      // The init, and what it waits for.
      expect(await treeOf(1, sandbox)).toHaveLength(2)
    }
  })

  test('takes the cgroups of all its containers with it, and none of another name', async () => {
    const [hierarchy = ''] = await hierarchies()
    const cgroup = (name: string): string => join(hierarchy, name)
    const other = cgroup(`${NAME}.2`)
    {
      await using _sandbox = await openSandbox(NAME, { furtherContainers: 2 })
      for (const path of [cgroup(NAME), cgroup(`${NAME}.0`), cgroup(`${NAME}.1`), other]) await mkdir(path)
    }
    const left = (await readdir(hierarchy)).filter((name) => name.startsWith(NAME))
    await rmdir(other)
    expect(left).toEqual([`${NAME}.2`])
  })

  test('does not see the files of another one', async () => {
    await expectNothingLeft(async () => {
      await using one = await openSandbox(`${NAME}-1`)
      await using other = await openSandbox(`${NAME}-2`)
      await mkdir(hostPath(one, `${WORK}/mine`))
      expect(existsSync(hostPath(other, `${WORK}/mine`))).toBe(false)
    })
  })

  test('cannot be opened by a user other than root', async () => {
    const script = `import(${JSON.stringify(join(import.meta.dirname, 'sandbox.ts'))})
      .then(({ openSandbox }) => openSandbox('name')).catch((error) => console.log(error.message))`
    // The one capability: to read this project wherever it lies.
    // prettier-ignore
    const { stdout } = await expectNothingLeft(() => outcomeOf(['setpriv', '--reuid', '65534', '--clear-groups',
      '--inh-caps', '+dac_read_search', '--ambient-caps', '+dac_read_search', process.execPath, '--eval', script]))
    expect(stdout).toMatchInlineSnapshot(`
      "cannot mount, dump or restore anything
        found:    uid 65534
        expected: root (uid 0)
        fix:      sudo -E npm start
      "
    `)
  })
})

const refused = (name: string): Promise<string> => expectNothingLeft(() => messageOf(() => openSandbox(name)))

describe('a container name', () => {
  test('with a slash is refused', async () => {
    expect(await refused('a/b')).toMatchInlineSnapshot(`
      "cannot use "a/b" as the name of a container
        found:    "a/b"
        expected: up to 200 characters, no slash, no "-" in front, neither "." nor ".."
        fix:      export CONTAINER_NAME=my_container"
    `)
  })

  test('that is empty is refused', async () => {
    expect(await refused('')).toMatchInlineSnapshot(`
      "cannot use "" as the name of a container
        found:    an empty name
        expected: up to 200 characters, no slash, no "-" in front, neither "." nor ".."
        fix:      export CONTAINER_NAME=my_container"
    `)
  })

  test.each(['.', '..'])('%s is refused', async (name) => {
    expect(await refused(name)).toBe(
      `cannot use "${name}" as the name of a container\n` +
        `  found:    "${name}"\n` +
        '  expected: up to 200 characters, no slash, no "-" in front, neither "." nor ".."\n' +
        '  fix:      export CONTAINER_NAME=my_container',
    )
  })

  test('that is already the name of a cgroup is refused, and the cgroup is kept', async () => {
    for (const hierarchy of await hierarchies()) {
      const cgroup = join(hierarchy, NAME)
      await mkdir(cgroup)
      const message = await refused(NAME)
      // Throws where it is gone.
      await rmdir(cgroup)
      expect(message).toBe(
        `cannot use "${NAME}" as the name of a container\n` +
          `  found:    a cgroup of that name in use, at ${cgroup}\n` +
          '  expected: a name that no cgroup has\n' +
          `  fix:      choose another CONTAINER_NAME, or remove that cgroup: rmdir ${cgroup}`,
      )
    }
  })
})
