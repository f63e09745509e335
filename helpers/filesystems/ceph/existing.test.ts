import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterEach, aroundAll, describe, expect, test, vi } from 'vitest'
import { hostPath } from '../../host/host.ts'
import type { Sandbox } from '../../sandbox/sandbox.ts'
import { startBench } from '../../testing/commands.ts'
import { temporaryFolder } from '../../testing/folders.ts'
import { messageOf, steady } from '../../testing/messages.ts'
import {
  accessFiles,
  mountWhole,
  prepareOnCeph,
  restoreAll,
  startCluster,
  suiteOnCeph,
} from '../../testing/on-ceph.ts'
import { MB } from '../../units.ts'
import { closeFilesystems } from '../index.ts'
import { ceph } from './ceph.ts'
import type { Cluster } from './cluster.ts'
import { existingCluster } from './existing.ts'
import { ownName } from './own-folder.ts'

const WHOLE = '/run/whole'
const POINT = '/run/point'

/** Every file of a user's cluster with its content, beside and below the path that a run may use. */
const FOREIGN = ['thesis', 'home/letter', 'bench/notes', 'bench/vitest-criu-not/ours']

async function layOutForeign(sandbox: Sandbox): Promise<void> {
  for (const name of FOREIGN) {
    const file = hostPath(sandbox, join(WHOLE, name))
    await mkdir(join(file, '..'), { recursive: true })
    await writeFile(file, createHash('sha256').update(name).digest('hex').repeat(1000))
  }
}

async function contentOf(sandbox: Sandbox): Promise<Record<string, string>> {
  const content: Record<string, string> = {}
  const root = hostPath(sandbox, WHOLE)
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name)
    content[file.slice(root.length)] = entry.isFile() ? await readFile(file, 'utf8') : 'a folder'
  }
  return content
}

const ours = async (sandbox: Sandbox): Promise<string[]> =>
  (await readdir(hostPath(sandbox, join(WHOLE, 'bench')))).filter((name) =>
    name.startsWith(`vitest-criu-${hostname()}-`),
  )

describe("a user's cluster", () => {
  let sandbox: Sandbox
  let cluster: Cluster

  // No test damages it.
  aroundAll(
    (runSuite) =>
      suiteOnCeph(async (opened) => {
        sandbox = opened
        await using started = await startCluster()
        cluster = started
        await using _whole = await mountWhole(cluster, sandbox, WHOLE)
        await layOutForeign(sandbox)
        await mkdir(hostPath(sandbox, POINT))
        await runSuite()
      }),
    300_000,
  )
  // The suites of a process share a cluster with the access of the first of them.
  afterEach(closeFilesystems)
  test(
    'can be used with access to a single path, in a folder that names its owner and is removed at the end',
    { timeout: 90_000 },
    async () => {
      const before = await contentOf(sandbox)
      await using files = await temporaryFolder()
      const settings = await accessFiles(cluster, files.path, 'bob', '/bench')
      {
        await using prepared = await prepareOnCeph(sandbox, { ceph: settings })
        expect(prepared.mounted.description).toBe(
          `CephFS by ceph-fuse (this kernel has no client for it), the cluster of ${settings.conf}, /bench as client.bob`,
        )
        expect(await ours(sandbox)).toEqual([
          expect.stringContaining(`vitest-criu-${hostname()}-${process.pid}.`),
        ])
        expect(await restoreAll(prepared)).toBe(4)
      }
      expect(await contentOf(sandbox)).toEqual(before)
    },
  )

  test(
    'can be restored from on another host, which removes the folder at the end',
    { timeout: 60_000 },
    async () => {
      const before = await contentOf(sandbox)
      await using files = await temporaryFolder()
      const { conf, keyring } = await accessFiles(cluster, files.path, 'bob', '/bench')
      const { status, stdout } = await startBench(['-t', 'ceph 1MB'], {
        VITEST_CRIU_CEPH_CONF: conf,
        VITEST_CRIU_CEPH_KEYRING: keyring,
        VITEST_CRIU_CEPH_USER: 'bob',
        VITEST_CRIU_CEPH_PATH: '/bench',
        VITEST_CRIU_RESTORE_ON: 'namespace',
      }).ended
      expect(status, stdout).toBe(0)
      expect(stdout).toContain('ceph, mapped, restored on namespace')
      expect(await contentOf(sandbox)).toEqual(before)
    },
  )

  test('loses the folder of a run that is killed with SIGKILL', { timeout: 60_000 }, async () => {
    const before = await contentOf(sandbox)
    await using files = await temporaryFolder()
    const { conf, keyring } = await accessFiles(cluster, files.path, 'bob', '/bench')
    const bench = startBench(['-t', 'ceph 64MB'], {
      VITEST_CRIU_CEPH_CONF: conf,
      VITEST_CRIU_CEPH_KEYRING: keyring,
      VITEST_CRIU_CEPH_USER: 'bob',
      VITEST_CRIU_CEPH_PATH: '/bench',
    })
    await bench.says(/dump 1\/2/)
    expect(await ours(sandbox)).toHaveLength(1)
    process.kill(-bench.group, 'SIGKILL')
    await vi.waitFor(async () => expect(await contentOf(sandbox)).toEqual(before), 15_000)
  })

  test(
    'loses the folder that a run and its supervisor left behind, by the next run on this machine',
    { timeout: 60_000 },
    async () => {
      const living = await ownName()
      const dead = living.replace(/-\d+-\d+$/, '-1-0')
      const elsewhere = dead.replace(/\.[0-9a-f]{8}/, '.00000000')
      const names = [living, dead, elsewhere, 'vitest-criu-by-hand']
      const bench = hostPath(sandbox, join(WHOLE, 'bench'))
      const others = await readdir(bench)
      for (const name of names) await mkdir(join(bench, name, 'images'), { recursive: true })
      await using files = await temporaryFolder()
      const settings = await accessFiles(cluster, files.path, 'bob', '/bench')
      const mounted = await ceph.mount(sandbox, POINT, MB, { ceph: settings })
      await mounted[Symbol.asyncDispose]()
      const kept = names.filter((name) => name !== dead)
      expect((await readdir(bench)).toSorted()).toEqual([...others, ...kept].toSorted())
    },
  )

  test(
    'in which this user may not write as root is refused by that reason',
    { timeout: 60_000 },
    async () => {
      await using files = await temporaryFolder()
      for (const rights of [['rw', 'root_squash'], ['r']]) {
        const user = `with-${rights.join('-')}`
        const settings = await accessFiles(cluster, files.path, user, '/', rights)
        const message = await messageOf(() => ceph.mount(sandbox, POINT, MB, { ceph: settings }))
        expect(message).toMatch(/^cannot make a folder on ceph \(the cluster of .*, \/ as client\.with-/)
        expect(message).toContain('found:    EACCES')
        expect(message).toContain(`ceph fs authorize FILESYSTEM client.${user} / rw`)
        await closeFilesystems()
      }
    },
  )

  test('without enough room is refused before anything is written', { timeout: 60_000 }, async () => {
    await using files = await temporaryFolder()
    const settings = await accessFiles(cluster, files.path, 'alice', '/')
    const message = await messageOf(() => ceph.mount(sandbox, POINT, 2048 * MB, { ceph: settings }))
    expect(steady(message, [files.path, 'FOLDER'])).toMatchInlineSnapshot(`
        "cannot make room for N GB on ceph (the cluster of FOLDER/ceph.conf, / as client.alice)
          found:    N MB free of N MB
          expected: N GB free
          fix:      free some space (ceph df), or measure smaller sizes: VITEST_CRIU_SIZES=1MB,4MB"
      `)
  })
})

const refused = async (write: (folder: string) => Promise<unknown>): Promise<string> => {
  await using folder = await temporaryFolder()
  await write(folder.path)
  const conf = join(folder.path, 'ceph.conf')
  return steady(await messageOf(() => existingCluster(conf, { client: 'auto', conf })), [folder.path, 'FOLDER']) // prettier-ignore
}

describe('the configuration of a cluster is refused', () => {
  test('when its ceph.conf does not exist', async () => {
    expect(await refused(() => Promise.resolve())).toMatchInlineSnapshot(`
      "cannot use FOLDER/ceph.conf for the filesystem "ceph"
        found:    ENOENT: no such file or directory, open 'FOLDER/ceph.conf'
        expected: the ceph.conf of a cluster
        fix:      correct ceph.conf in vitest.config.ts, or VITEST_CRIU_CEPH_CONF"
    `)
  })

  test('when there is no keyring beside ceph.conf', async () => {
    expect(await refused((folder) => writeFile(join(folder, 'ceph.conf'), '[global]\n'))).toMatchInlineSnapshot(`
      "cannot use FOLDER/ceph.client.admin.keyring for the filesystem "ceph"
        found:    ENOENT: no such file or directory, open 'FOLDER/ceph.client.admin.keyring'
        expected: a keyring with the key of client.admin
        fix:      correct ceph.keyring in vitest.config.ts, or VITEST_CRIU_CEPH_KEYRING"
    `) // prettier-ignore
  })

  test("when the keyring does not have the user's key", async () => {
    const message = await refused(async (folder) => {
      await writeFile(join(folder, 'ceph.conf'), '[global]\n')
      await writeFile(join(folder, 'ceph.client.admin.keyring'), '[client.bob]\n\tkey = x\n')
    })
    expect(message).toMatchInlineSnapshot(`
      "cannot use FOLDER/ceph.client.admin.keyring for the filesystem "ceph"
        found:    no such section
        expected: [client.admin] with its key
        fix:      correct ceph.keyring in vitest.config.ts, or VITEST_CRIU_CEPH_KEYRING"
    `)
  })
})
