import { existsSync } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CriuBenchError } from '../errors.ts'
import type { Handler } from '../handlers/definition.ts'
import { commandLine, HANDLER_FOLDER, isObserved } from '../handlers/handler.ts'
import { observer } from '../handlers/observe.ts'
import { belongsToMachine, type Opened } from '../handlers/opened.ts'
import { hostPath, type Host } from '../host/host.ts'
import { linksOn, pathInside } from '../host/inside.ts'
import type { Bytes } from '../units.ts'

/** A handler that has run once. */
export interface StartedHandler {
  readonly handler: Handler
  readonly size: Bytes
  readonly opened: Opened
}

/** What a restored handler needs besides the files that its images list, as paths on the host. */
export interface FurtherFiles {
  /** Files, and folders without their content. */
  readonly paths: readonly string[]
  /** Symbolic links. Links and folders of the base image come before them. */
  readonly links: readonly string[]
}

export const NO_FURTHER_FILES: FurtherFiles = { paths: [], links: [] }

/**
 * What a handler has opened before its dump, what its definition names in `files`, the observer, and the links that lead
 * there. Throws CriuBenchError for a missing file that it names.
 */
export async function furtherFiles(
  host: Host,
  { handler, size, opened }: StartedHandler,
): Promise<FurtherFiles> {
  const root = hostPath(host, '/')
  const named = await namedFiles(root, handler)
  const programs = isObserved(handler) ? [await observer()] : []
  const sources = opened.files.flatMap((file) => sourceOf(root, file))
  const paths = [...new Set([...opened.files, ...sources, ...opened.folders, ...named.paths, ...programs])]
  const words = [...(await commandLine(handler, size, HANDLER_FOLDER)), handler.cwd, ...handler.files, ...Object.values(handler.env).flatMap((value) => value.split(':'))] // prettier-ignore
  const onTheWay = await Promise.all(
    words.filter((word) => word.startsWith('/')).map((word) => linksOn(root, word)),
  )
  const links = [...named.links, ...(await linksTo(root, paths)), ...onTheWay.flat()]
  return { paths, links: [...new Set(links)].filter(belongsToMachine) }
}

/** Python opens the compiled form of a module alone, but looks whether its source is there. */
function sourceOf(root: string, file: string): string[] {
  const [, folder = '', name = ''] = /^(.*)\/__pycache__\/([^/]+?)\.[\w.-]+\.pyc$/.exec(file) ?? []
  const source = join(folder, `${name}.py`)
  return name !== '' && existsSync(join(root, source)) ? [source] : []
}

/** The files and folders in `files`, with all that is in them and all that links there lead to. */
async function namedFiles(root: string, { name, files }: Handler): Promise<FurtherFiles> {
  const paths = new Set<string>()
  const links = new Set<string>()
  const waiting = [...files]
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const link of await linksOn(root, path)) links.add(link)
    const real = await pathInside(root, path)
    if (paths.has(real)) continue
    // A link there may lead nowhere. What the user names must be there.
    const found = await lstat(join(root, real)).catch(() => undefined)
    if (found === undefined && files.includes(path)) throw notThere(name, path)
    if (found?.isFile() || found?.isDirectory()) paths.add(real)
    if (found?.isDirectory())
      waiting.push(...(await readdir(join(root, real))).map((entry) => join(real, entry)))
  }
  return { paths: [...paths], links: [...links] }
}

const notThere = (name: string, path: string): CriuBenchError =>
  new CriuBenchError({
    failed: `cannot copy ${path} for the ${name} handler`,
    found: 'no such file or folder',
    expected: 'files and folders of this machine in `files`',
    fix: 'correct `files` in defineHandler({ … })',
  })

/** Folders with links to programs and libraries, whatever is opened through them. */
const LINK_FOLDERS = ['/', '/usr', '/usr/bin', '/usr/sbin', '/usr/lib', '/usr/lib64', '/etc', '/etc/alternatives'] // prettier-ignore

const parentsOf = (path: string): string[] =>
  path === '/' ? [] : [dirname(path), ...parentsOf(dirname(path))]

/**
 * The links to these files, or to folders above them, beside them and in folders above them. A program opens
 * /lib64/ld-linux-x86-64.so.2, and what is recorded is the file at the end of three links.
 */
async function linksTo(root: string, paths: readonly string[]): Promise<string[]> {
  const reached = new Set(paths.flatMap((path) => [path, ...parentsOf(path)]))
  const folders = new Set([...LINK_FOLDERS, ...paths.flatMap(parentsOf)])
  const isReached = ({ target }: Link): boolean => target !== '/' && reached.has(target)
  let candidates = (await Promise.all([...folders].map((folder) => linksIn(root, folder)))).flat()
  const links: string[] = []
  // A link to a folder counts once a link in that folder does.
  for (let found = candidates.filter(isReached); found.length > 0; found = candidates.filter(isReached)) {
    candidates = candidates.filter((each) => !isReached(each))
    for (const { path } of found) {
      links.push(path)
      for (const each of [path, ...parentsOf(path)]) reached.add(each)
    }
  }
  return links
}

interface Link {
  readonly path: string
  /** What it leads to: a link itself, possibly, in a folder that is none. */
  readonly target: string
}

async function linksIn(root: string, folder: string): Promise<Link[]> {
  const real = await pathInside(root, folder)
  // Not every machine has every one of these folders, and what has gone meanwhile has no links.
  const entries = await readdir(join(root, real), { withFileTypes: true }).catch(() => [])
  const folders = new Map<string, Promise<string>>()
  const links = entries.filter((entry) => entry.isSymbolicLink())
  return Promise.all(
    links.map(async ({ name }) => {
      const path = join(real, name)
      const text = await readlink(join(root, path)).catch(() => '')
      const target = text.startsWith('/') ? text : join(real, text)
      const parent = dirname(target)
      const known = folders.get(parent) ?? pathInside(root, parent)
      folders.set(parent, known)
      return { path, target: join(await known, target.slice(target.lastIndexOf('/') + 1)) }
    }),
  )
}
