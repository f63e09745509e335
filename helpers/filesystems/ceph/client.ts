import { randomUUID } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { CriuBenchError } from '../../errors.ts'
import { seenFrom, type Host } from '../../system/host.ts'
import { readMounts } from '../../system/mounts.ts'
import { run, start, type Daemon } from '../../system/process.ts'
import { unmount } from '../mount-point.ts'
import type { Access } from './cluster.ts'

/** A folder of a Ceph file system, mounted on a host. */
export interface Client extends AsyncDisposable {
  /** Unmounts and mounts again: what was cached is gone, with this mount's pages. */
  remount(): Promise<void>
  /** Ends the client at once: whoever waits for it gets an error. */
  sever(): Promise<void>
}

/** Where a client's own files are on its host: in a sandbox, on memory that goes with it. */
const FOLDER = '/run/vitest-criu-ceph'
const LIMIT = 30_000
const POLL = 5

/** Mounts `path` of the file system on `point` of `host` by ceph-fuse. Throws CriuBenchError with what ceph-fuse said. */
export async function mountClient(host: Host, access: Access, path: string, point: string): Promise<Client> {
  const folder = join(FOLDER, randomUUID())
  await using undo = new AsyncDisposableStack()
  undo.defer(() => rm(seenFrom(host, folder), { recursive: true, force: true }))
  await layOut(host, folder, access)
  let state: 'mounted' | 'severed' = 'mounted'
  let daemon = await fuse(host, access, { folder, path, point })
  const leave = async (): Promise<void> => {
    if (state === 'severed') return void (await unmountLazily(host, point))
    await unmount(host, point)
    await untilEnded(daemon)
  }
  undo.defer(leave)
  const owned = undo.move()
  return {
    remount: async () => {
      await leave()
      daemon = await fuse(host, access, { folder, path, point })
    },
    sever: async () => {
      state = 'severed'
      await daemon[Symbol.asyncDispose]()
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function layOut(host: Host, folder: string, { conf, keyring }: Access): Promise<void> {
  await mkdir(seenFrom(host, folder), { recursive: true, mode: 0o700 })
  await writeFile(seenFrom(host, join(folder, 'ceph.conf')), conf)
  await writeFile(seenFrom(host, join(folder, 'keyring')), keyring, { mode: 0o600 })
}

interface Mount {
  readonly folder: string
  readonly path: string
  readonly point: string
}

/**
 * Starts ceph-fuse and waits until it is mounted. In the foreground: when it goes into the background it closes its
 * standard error while its threads open pipes, and one that gets that number loses the requests that come by it.
 */
async function fuse(host: Host, access: Access, { folder, path, point }: Mount): Promise<Daemon> {
  const failed = `cannot mount ${path} of the Ceph file system on ${point} as client.${access.user}`
  const mend =
    'the key must be of that user, who must be allowed to use that folder: ceph auth get client.NAME'
  const daemon = start(host, {
    // prettier-ignore
    argv: ['ceph-fuse', '-f', '--conf', join(folder, 'ceph.conf'), '--keyring', join(folder, 'keyring'),
      '--id', access.user, '--run_dir', folder, '--log_file', '', '--admin_socket', '', '--client_mountpoint', path,
      ...(access.filesystem === undefined ? [] : ['--client_fs', access.filesystem]), point],
    failed,
    mend,
  })
  let ended: CriuBenchError | undefined
  void daemon.ended.then((error) => (ended = error))
  const deadline = performance.now() + LIMIT
  while (!(await isMounted(host, point))) {
    if (ended) throw ended
    if (performance.now() > deadline) {
      await daemon[Symbol.asyncDispose]()
      const found = `no mount after ${LIMIT / 1000} s`
      throw new CriuBenchError({ failed, found, expected: 'one of type fuse.ceph-fuse', mend })
    }
    await delay(POLL)
  }
  return daemon
}

const isMounted = async (host: Host, point: string): Promise<boolean> =>
  (await readMounts(host)).some((entry) => entry.point === point && entry.type === 'fuse.ceph-fuse')

/** An unmounted client says goodbye to the cluster before it ends; until then its keys and its cache are in use. */
async function untilEnded(daemon: Daemon): Promise<void> {
  const limit = AbortSignal.timeout(LIMIT)
  limit.addEventListener('abort', () => void daemon[Symbol.asyncDispose]())
  await daemon.ended
}

/** For a client that has ended: its mount answers nothing, not even how to leave it. */
export const unmountLazily = (host: Host, point: string) =>
  run(host, {
    argv: ['umount', '--lazy', '--no-canonicalize', point],
    failed: `cannot unmount ${point}`,
    mend: `umount --lazy ${point}`,
    timeout: LIMIT,
  })
