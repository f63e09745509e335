import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CephSettings } from '../../config/options.ts'
import { hostPath, type Host } from '../../host/host.ts'
import { makeFolder } from '../../host/folders.ts'
import { run } from '../../process/process.ts'
import type { ClientMount } from './attached.ts'
import { attachFuse, unmountLazily } from './fuse.ts'
import { attachKernel, kernelRefusal, noKernelClient } from './kernel.ts'
import type { Access } from './service.ts'

/** A folder of a Ceph file system, mounted on a host. */
export interface Client extends AsyncDisposable {
  /** The kind of client, and why it is not the kernel's. */
  readonly description: string
  /** Unmounts and mounts again, which drops the mount's page cache. */
  remount(): Promise<void>
  /** Ends the client at once: processes that wait for it get an error. */
  sever(): Promise<void>
  /** Runs `ceph …` as that user; returns its output, which is JSON. Throws CriuBenchError. */
  ask(...words: string[]): Promise<string>
}

/** Parent of the client's own files on its host. In a sandbox it is a tmpfs that ends with it. */
const FOLDER = '/run'

/** Mounts `path` of the file system on `point` of `host`. Throws CriuBenchError with what the client said. */
export async function mountClient(
  host: Host,
  access: Access,
  path: string,
  point: string,
  kind: CephSettings['client'] = 'auto',
): Promise<Client> {
  const { attach, description } = await choose(kind)
  const mount = { folder: join(FOLDER, `vitest-criu-ceph-${randomUUID()}`), path, point }
  await using undo = new AsyncDisposableStack()
  undo.defer(() => rm(hostPath(host, mount.folder), { recursive: true, force: true }))
  await layOut(host, mount.folder, access)
  let severed = false
  let attached = await attach(host, access, mount)
  const leave = async (): Promise<void> => {
    await (severed ? unmountLazily(host, point) : attached.leave())
  }
  undo.defer(leave)
  const owned = undo.move()
  return {
    description,
    remount: async () => {
      await leave()
      attached = await attach(host, access, mount)
    },
    sever: async () => {
      severed = true
      await attached.sever()
    },
    ask: (...words) => ask(host, access, mount, words),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function choose(kind: CephSettings['client']) {
  const why = kind === 'fuse' ? 'asked for' : await noKernelClient()
  if (why === undefined) return { attach: attachKernel, description: "the kernel's client" }
  if (kind === 'kernel') throw kernelRefusal(why)
  return { attach: attachFuse, description: `ceph-fuse (${why})` }
}

async function layOut(host: Host, folder: string, { conf, keyring }: Access): Promise<void> {
  await makeFolder(host, folder, 0o700)
  await writeFile(hostPath(host, join(folder, 'ceph.conf')), conf)
  await writeFile(hostPath(host, join(folder, 'keyring')), keyring, { mode: 0o600 })
}

async function ask(
  host: Host,
  { user }: Access,
  { folder }: ClientMount,
  words: readonly string[],
): Promise<string> {
  const { stdout } = await run(host, {
    // prettier-ignore
    argv: ['ceph', '--conf', join(folder, 'ceph.conf'), '--keyring', join(folder, 'keyring'), '--id', user,
      '--connect-timeout', '10', '--format', 'json', ...words],
    failed: `cannot ask the Ceph cluster as client.${user}: ceph ${words.join(' ')}`,
    fix: 'look at the cluster: ceph status',
    timeout: 20_000,
  })
  return stdout
}
