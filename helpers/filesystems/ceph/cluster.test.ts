import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { localHost, hostPath } from '../../host/host.ts'
import { openSandbox, type Sandbox } from '../../sandbox/sandbox.ts'
import { temporaryFolder } from '../../testing/folders.ts'
import { expectNothingLeft } from '../../testing/leaks.ts'
import { messageOf } from '../../testing/messages.ts'
import { MB } from '../../units.ts'
import { checkMountPoint } from '../mount-point.ts'
import { mountClient, type Client } from './client.ts'
import { Cluster, type ClusterRequest } from './cluster.ts'

const POINT = '/run/point'
const NAME = `vitest-criu-test-${process.pid}`

const startCluster = (request: Partial<ClusterRequest> = {}): Promise<Cluster> =>
  Cluster.start({ store: 'memstore', capacity: 1024 * MB, progress: () => {}, ...request })

async function openClient(cluster: Cluster, sandbox: Sandbox): Promise<Client> {
  await mkdir(hostPath(sandbox, POINT), { recursive: true })
  return mountClient(sandbox, cluster.access, '/', POINT)
}

test.for(['memstore', 'bluestore'] as const)(
  'a cluster on %s reports what it waits for, keeps files over a remount, and leaves no trace',
  { timeout: 60_000 },
  (store) =>
    expectNothingLeft(async () => {
      const said: string[] = []
      await using cluster = await startCluster({ store, progress: (line) => said.push(line) })
      expect(said[0]).toMatch(/^starting a test cluster on loopback \(mon, mgr, osd, mds; \w+, 1\.0 GB\)$/)
      await using sandbox = await openSandbox(NAME)
      await using client = await openClient(cluster, sandbox)
      const file = hostPath(sandbox, join(POINT, 'file'))
      await writeFile(file, Buffer.alloc(8 * MB, 'x'))
      await client.remount()
      expect((await readFile(file)).equals(Buffer.alloc(8 * MB, 'x'))).toBe(true)
    }),
)

test(
  'a cluster and a mount leave nothing behind when their sandboxes are killed',
  () =>
    expectNothingLeft(async () => {
      await using cluster = await startCluster()
      await using sandbox = await openSandbox(NAME)
      await openClient(cluster, sandbox)
      process.kill(sandbox.init, 'SIGKILL')
      expect(process.kill(cluster.sandbox.init, 'SIGKILL')).toBe(true)
    }),
  60_000,
)

test(
  'a daemon that does not start is named with its last lines',
  () =>
    expectNothingLeft(async () => {
      await using folder = await temporaryFolder()
      await writeFile(join(folder.path, 'ceph-mds'), '#!/bin/sh\necho "no map for me" >&2\nexit 3\n')
      await chmod(join(folder.path, 'ceph-mds'), 0o755)
      const path = process.env['PATH']
      process.env['PATH'] = `${folder.path}:${path}`
      try {
        const message = await messageOf(() => startCluster())
        expect(message).toMatchInlineSnapshot(`
          "the ceph-mds of the test cluster ended
            found:    ceph-mds exited with 3
            expected: a command that runs until it is stopped
            fix:      look at the last lines of its log below; \`npm run doctor\` names what is missing
            log:      no map for me"
        `)
      } finally {
        process.env['PATH'] = path
      }
    }),
  60_000,
)

test(
  'a wrong key is refused with the message of ceph-fuse, and nothing is mounted',
  () =>
    expectNothingLeft(async () => {
      await using cluster = await startCluster()
      await using sandbox = await openSandbox(NAME)
      await mkdir(hostPath(sandbox, POINT))
      const { access } = cluster
      const wrong = { ...access, keyring: access.keyring.replace(/key = .*/, 'key = AQAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAA==') } // prettier-ignore
      const message = await messageOf(() => mountClient(sandbox, wrong, '/', POINT))
      expect(message).toContain('cannot mount / of the Ceph file system on /run/point as client.admin')
      expect(message).toContain('handle_auth_bad_method')
      await checkMountPoint(sandbox, POINT)
    }),
  60_000,
)

test('the mount of a killed client is refused as a mount point, with the fix', async () => {
  await expectNothingLeft(async () => {
    await using cluster = await startCluster()
    await using folder = await temporaryFolder()
    await using client = await mountClient(localHost, cluster.access, '/', folder.path)
    await client.sever()
    const message = await messageOf(() => checkMountPoint(localHost, folder.path))
    expect(message).toContain('found:    fuse.ceph-fuse (ceph-fuse) mounted on it, which does not answer')
    expect(message).toContain(`fix:      umount --lazy ${folder.path}`)
  })
}, 60_000)
