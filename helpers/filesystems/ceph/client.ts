import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CephSettings } from '../../config/options.ts'
import { CriuBenchError } from '../../errors.ts'
import { hostPath, type Host } from '../../host/host.ts'
import { makeFolder } from '../../host/folders.ts'
import { run } from '../../process/process.ts'
import type { Attached, ClientMount } from './attached.ts'
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
  /** Why the client is gone, if it ended without being asked to. */
  readonly lost: CriuBenchError | undefined
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
  const connection = new Connection(
    () => attach(host, access, mount),
    () => unmountLazily(host, point),
  )
  await connection.attach()
  undo.defer(() => connection.leave())
  const owned = undo.move()
  return {
    description,
    get lost() {
      return connection.lost
    },
    remount: async () => {
      await connection.leave()
      await connection.attach()
    },
    sever: () => connection.sever(),
    ask: (...words) => ask(host, access, mount, words),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** A mount that can be left and made again. It knows whether its client was asked to end. */
class Connection {
  readonly #attach: () => Promise<Attached>
  readonly #unmountLazily: () => Promise<unknown>
  #attached: Attached | undefined
  #isWanted = false
  lost: CriuBenchError | undefined

  constructor(attach: () => Promise<Attached>, unmount: () => Promise<unknown>) {
    this.#attach = attach
    this.#unmountLazily = unmount
  }

  async attach(): Promise<void> {
    this.#attached = await this.#attach()
    this.#isWanted = true
    void this.#attached.ended?.then((error) => {
      if (this.#isWanted) this.lost = ended(error)
    })
  }

  async leave(): Promise<void> {
    const isThere = this.#isWanted && this.lost === undefined
    this.#isWanted = false
    await (isThere ? this.#attached?.leave() : this.#unmountLazily())
  }

  async sever(): Promise<void> {
    this.#isWanted = false
    await this.#attached?.sever()
  }
}

const ended = ({ facts }: CriuBenchError): CriuBenchError =>
  new CriuBenchError({
    ...facts,
    failed: 'cannot go on with ceph: its client has ended',
    expected: 'a client that runs until its mount is unmounted',
    fix: 'run again; if it ends again, read its last lines below, and look for the OOM killer: dmesg | grep -i kill',
  })

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
