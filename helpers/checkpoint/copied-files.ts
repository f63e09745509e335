import { existsSync } from 'node:fs'
import { chmod, chown, copyFile, lstat, readlink, stat, symlink, utimes } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { CriuBenchError, reasonOf } from '../errors.ts'
import { HANDLER_FOLDER } from '../handlers/handler.ts'
import { makeFolder } from '../host/folders.ts'
import { hostPath, type Host } from '../host/host.ts'
import { hostPathInside, insideRootfs, pathInside } from '../host/inside.ts'
import type { NeededFile } from '../images/index.ts'
import { run } from '../process/process.ts'
import type { Bytes } from '../units.ts'

/**
 * Refuses a file of the host that the dumped process cannot have had under the path in its images. The images may be
 * from elsewhere, and then their paths mean other files here. Throws CriuBenchError.
 */
export async function checkSource(host: Host, file: NeededFile): Promise<void> {
  // A file that cannot be looked at is refused as missing.
  const found = await lstat(hostPath(host, file.path)).catch(() => undefined)
  const link = (await pathInside(host.root, file.path)) !== file.path
  const status = found && `${found.size} bytes, mode ${found.mode.toString(8)}`
  if (found === undefined) throw notTheSame(file, 'no such file')
  if (link) throw notTheSame(file, 'a path with a symbolic link')
  if (!found.isFile() || (file.mode !== undefined && file.mode !== found.mode)) throw notTheSame(file, status)
  // The handler's own files grow. CRIU does not check files that were opened for appending.
  if (file.path.startsWith(`${HANDLER_FOLDER}/`)) return
  if (file.size !== undefined && file.size !== BigInt(found.size)) throw notTheSame(file, status)
}

function notTheSame({ path, size, mode, usedBy }: NeededFile, found = 'another file'): CriuBenchError {
  const had = [...(size === undefined ? [] : [`${size} bytes`]), ...(mode === undefined ? [] : [`mode ${mode.toString(8)}`])] // prettier-ignore
  return new CriuBenchError({
    failed: `cannot copy ${path} for the restored process (${usedBy.join(', ')})`,
    found,
    expected: ['the file that the process had at the dump', ...had].join(', '),
    fix: 'dump again on this machine, because the file is another one now',
  })
}

/** How many files were copied, and how large they are together. */
export interface CopiedFiles {
  readonly count: number
  readonly bytes: Bytes
}

/**
 * Copies files of the host to the same paths in the rootfs, with modes, owners and times, and the folders that they are
 * in. Makes the folders among `paths`, without their content. No link of the rootfs leads out of it. Throws CriuBenchError.
 */
export async function copyInside(host: Host, rootfs: string, paths: readonly string[]): Promise<CopiedFiles> {
  let [count, bytes] = [0, 0]
  for (const path of paths)
    await copying(path, rootfs, async () => {
      const source = await stat(hostPath(host, path))
      if (source.isDirectory()) return makeParents(host, rootfs, path)
      await makeParents(host, rootfs, dirname(path))
      await copyFile(hostPath(host, path), await hostPathInside(host, rootfs, path))
      await copyAttributes(host, rootfs, path)
      count += 1
      bytes += source.size
    })
  return { count, bytes }
}

/** Makes the same symbolic links in the rootfs, where it has nothing of that name. Throws CriuBenchError. */
export async function copyLinks(host: Host, rootfs: string, paths: readonly string[]): Promise<void> {
  for (const path of paths)
    await copying(path, rootfs, async () => {
      await makeParents(host, rootfs, dirname(path))
      const copy = join(await hostPathInside(host, rootfs, dirname(path)), basename(path))
      // Nothing there, or nothing that can be looked at: then making the link fails, and says why.
      const isThere = await lstat(copy).catch(() => undefined)
      if (!isThere) await symlink(await readlink(hostPath(host, path)), copy)
    })
}

async function copying(path: string, rootfs: string, copy: () => Promise<void>): Promise<void> {
  try {
    await copy()
  } catch (cause) {
    if (cause instanceof CriuBenchError) throw cause
    throw new CriuBenchError(
      {
        failed: `cannot copy ${path} to ${rootfs}`,
        found: reasonOf(cause),
        expected: 'a copy with the same content and mode',
        fix: 'free space on the filesystem, or dump again: a file that the process used may be gone',
      },
      { cause },
    )
  }
}

/**
 * Replaces the folder `to` by a copy of the handler's folder `from`, both on `host`, with links, FIFOs, sockets and owners,
 * which Node's own copy lacks. Throws CriuBenchError.
 */
export async function copyFolder(host: Host, from: string, to: string): Promise<void> {
  await run(host, {
    argv: ['sh', '-ec', 'rm -rf "$2"; cp -a -T -- "$1" "$2"', 'sh', from, to],
    failed: `cannot copy the handler's folder to ${to}`,
    fix: 'free space: the files of each sample are in memory',
    timeout: 60_000,
  })
}

async function makeParents(host: Host, rootfs: string, folder: string): Promise<void> {
  const inside = await insideRootfs(host, rootfs, folder)
  if (folder === '/' || existsSync(hostPath(host, inside))) return
  await makeParents(host, rootfs, dirname(folder))
  // A link may lead to a folder whose own parents are missing, too.
  await makeFolder(host, inside)
  await copyAttributes(host, rootfs, folder)
}

/** The owner is set first, because that takes the set-user-ID bit away. */
async function copyAttributes(host: Host, rootfs: string, path: string): Promise<void> {
  const { uid, gid, mode, atime, mtime } = await stat(hostPath(host, path))
  const copy = await hostPathInside(host, rootfs, path)
  await chown(copy, uid, gid)
  await chmod(copy, mode & 0o7777)
  await utimes(copy, atime, mtime)
}
