import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { seenFrom, type Host } from '../../system/host.ts'
import { startTimeOf } from '../../system/pids.ts'
import { run } from '../../system/process.ts'
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

/** Mounts `path` of the file system on `point` of `host` by ceph-fuse. Throws CriuBenchError with what ceph-fuse said. */
export async function mountClient(host: Host, access: Access, path: string, point: string): Promise<Client> {
  const folder = join(FOLDER, randomUUID())
  await using undo = new AsyncDisposableStack()
  undo.defer(() => rm(seenFrom(host, folder), { recursive: true, force: true }))
  const files = await layOut(host, folder, access)
  let state: 'mounted' | 'unmounted' | 'severed' = 'unmounted'
  const mount = async () => {
    await fuse(host, access, files, path, point)
    state = 'mounted'
  }
  const leave = async () => {
    if (state === 'severed') await unmountLazily(host, point)
    if (state !== 'mounted') return
    state = 'unmounted'
    await unmount(host, point)
    await untilEnded(host, await pidOf(host, files))
  }
  undo.defer(leave)
  await mount()
  const owned = undo.move()
  return {
    remount: async () => {
      await leave()
      await mount()
    },
    sever: async () => {
      if (state === 'mounted') state = 'severed'
      await kill(host, await pidOf(host, files))
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const pidOf = async (host: Host, { pid }: Files): Promise<string> =>
  (await readFile(seenFrom(host, pid), 'utf8').catch(() => '')).trim()

const POLL = 5

/** An unmounted client says goodbye to the cluster before it ends; until then its keys and its cache are in use. */
async function untilEnded(host: Host, pid: string): Promise<void> {
  if (pid === '') return
  const deadline = performance.now() + LIMIT
  while ((await startTimeOf(Number(pid), host)) !== undefined) {
    if (performance.now() > deadline) await kill(host, pid)
    await delay(POLL)
  }
}

interface Files {
  readonly folder: string
  readonly conf: string
  readonly keyring: string
  readonly pid: string
}

async function layOut(host: Host, folder: string, { conf, keyring }: Access): Promise<Files> {
  const files = {
    folder,
    conf: join(folder, 'ceph.conf'),
    keyring: join(folder, 'keyring'),
    pid: join(folder, 'pid'),
  }
  await mkdir(seenFrom(host, folder), { recursive: true, mode: 0o700 })
  await writeFile(seenFrom(host, files.conf), conf)
  await writeFile(seenFrom(host, files.keyring), keyring, { mode: 0o600 })
  return files
}

/** ceph-fuse goes into the background when the mount answers; until then its exit status and words are ours. */
async function fuse(host: Host, access: Access, files: Files, path: string, point: string): Promise<void> {
  await run(host, {
    // prettier-ignore
    argv: ['ceph-fuse', '--conf', files.conf, '--keyring', files.keyring, '--id', access.user,
      '--pid_file', files.pid, '--run_dir', files.folder, '--log_file', '', '--admin_socket', '', '--client_mountpoint', path,
      ...(access.filesystem === undefined ? [] : ['--client_fs', access.filesystem]), point],
    failed: `cannot mount ${path} of the Ceph file system on ${point} as client.${access.user}`,
    mend: 'the key must be of that user, who must be allowed to use that folder: ceph auth get client.NAME',
    timeout: LIMIT,
  })
}

const kill = (host: Host, pid: string) =>
  run(host, {
    argv: ['sh', '-c', 'kill -KILL "$1" 2>/dev/null || true', 'sh', pid],
    failed: `cannot end ceph-fuse ${pid}`,
    mend: `kill -KILL ${pid}`,
    timeout: 5000,
  })

/** For a client that has ended: its mount answers nothing, not even how to leave it. */
export const unmountLazily = (host: Host, point: string) =>
  run(host, {
    argv: ['umount', '--lazy', '--no-canonicalize', point],
    failed: `cannot unmount ${point}`,
    mend: `umount --lazy ${point}`,
    timeout: LIMIT,
  })
