/** Where the benches that compare starts run: one sandbox, with everything in memory. */
import { copyFile, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { findCriu } from '../helpers/criu/binary.ts'
import { HANDLER_FOLDER } from '../helpers/handlers/handler.ts'
import { hostPath } from '../helpers/host/host.ts'
import { run, type Finished } from '../helpers/process/process.ts'
import type { Sandbox } from '../helpers/sandbox/sandbox.ts'

export interface Site {
  readonly sandbox: Sandbox
  /** The root folder of containers, with the programs that run in them. */
  readonly root: string
  /** A folder for files of whatever is started. */
  readonly folder: string
  /** The CRIU that every restore uses. */
  readonly criu: string
}

/** Where the folders of a site are mounted in its sandbox. */
const POINT = '/mnt'
const FOLDERS = ['proc', 'dev', 'sys', 'run', 'tmp', 'etc', HANDLER_FOLDER]

/** crun refuses a machine with both versions of cgroups. With this, the sandbox has version 1 alone. */
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
  await runIn(site, ['sh', '-c', HIDE_SECOND])
  await runIn(site, ['mount', '-t', 'tmpfs', 'vitest-criu', POINT])
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

/** The same site with a folder of its own for `name`. */
export async function siteFor(name: string, site: Site): Promise<Site> {
  const folder = join(site.folder, name.replaceAll(' ', '-'))
  await mkdir(hostPath(site.sandbox, folder))
  return { ...site, folder }
}

/** Runs a command in the sandbox. Throws CriuBenchError if it fails. */
export const runIn = ({ sandbox }: Site, argv: readonly string[]): Promise<Finished> =>
  run(sandbox, {
    argv,
    failed: `cannot run ${argv.slice(0, 4).join(' ')}`,
    fix: 'run it by hand',
    timeout: 60_000,
  })
