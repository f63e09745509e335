import { copyFile, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { findCriu } from '../../helpers/criu/binary.ts'
import { HANDLER_FOLDER } from '../../helpers/handlers/handler.ts'
import { hostPath } from '../../helpers/host/host.ts'
import { missingPrograms } from '../../helpers/programs/installed.ts'
import type { Sandbox } from '../../helpers/sandbox/sandbox.ts'
import { command, type Peer, type Site } from './peer.ts'

/** Where the folders of peers are mounted in the sandbox. */
const POINT = '/mnt'
const FOLDERS = ['proc', 'dev', 'sys', 'run', 'tmp', 'etc', HANDLER_FOLDER]

/** crun refuses a machine with both versions of cgroups: here it has the first alone. */
const HIDE_SECOND = `for each in /sys/fs/cgroup/*; do
  [ "$(stat --file-system --format %T "$each")" != cgroup2fs ] || umount "$each"
done`

/** Mounts a root folder for containers with these programs, at their own paths, and a folder for files, in memory. */
export async function openSite(sandbox: Sandbox, programs: readonly string[]): Promise<Site> {
  const site = {
    sandbox,
    criu: (await findCriu()).path,
    root: join(POINT, 'root'),
    folder: join(POINT, 'files'),
  }
  await command(site, ['sh', '-c', HIDE_SECOND])
  await command(site, ['mount', '-t', 'tmpfs', 'vitest-criu', POINT])
  const make = (path: string) => mkdir(hostPath(sandbox, path), { recursive: true })
  for (const folder of [...FOLDERS.map((each) => join(site.root, each)), site.folder, HANDLER_FOLDER])
    await make(folder)
  for (const program of programs) {
    const copy = join(site.root, program)
    await make(dirname(copy))
    await copyFile(program, hostPath(sandbox, copy))
  }
  return site
}

/** A folder of its own for each peer. */
export async function forPeer(site: Site, { name }: Peer): Promise<Site> {
  const folder = join(site.folder, name.replaceAll(' ', '-'))
  await mkdir(hostPath(site.sandbox, folder))
  return { ...site, folder }
}

/** Why a peer cannot be measured here; undefined if it can. */
export function missingFor({ name, needs }: Peer): string | undefined {
  const missing = missingPrograms(Object.keys(needs))
  if (missing.length === 0) return undefined
  const packages = missing.map((program) => needs[program] ?? program)
  return `${name}: no ${missing.join(', ')} here: run .ci/setup peers, which installs ${packages.join(', ')}`
}
