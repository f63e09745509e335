import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { localHost } from '../host/host.ts'
import { CACHE, fixture, PREBUILT } from '../installation/paths.ts'
import { run } from '../process/process.ts'
import { makeViaDraft } from './draft.ts'
import { unpack } from './pack.ts'

const FLAGS = '-std=gnu17 -O2 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror'.split(' ')
/** A static program needs no dynamic linking inside a measured start, and is a single small file. */
const STATIC = ['-static', '-s']
/** Headers that any program may include, each with its own source file where it needs one. */
const COMMON = fixture('programs/common')

const compiled = new Map<string, Promise<string>>()

/**
 * Compiles a C program (a source file, or a folder of them) and returns the path of its binary. Compiles once for each
 * content, and not at all where the package ships the binary. `link` replaces static linking: ["-ljemalloc"]. Throws
 * CriuBenchError.
 */
export function compile(source: string, link: readonly string[] = STATIC): Promise<string> {
  const key = [source, ...link].join(' ')
  const known = compiled.get(key)
  if (known) return known
  const binary = findOrCompile(source, link)
  compiled.set(key, binary)
  return binary
}

async function findOrCompile(source: string, link: readonly string[]): Promise<string> {
  const name = await nameOf(source, link)
  const binary = join(CACHE, name)
  if (existsSync(binary)) return binary
  const content = (await prebuilt()).get(name)
  if (!content) return compileInto(CACHE, source, link)
  await makeViaDraft(binary, (draft) => writeFile(draft, content, { mode: 0o755 }))
  return binary
}

/** The binaries that the package ships for this architecture. */
const prebuilt = async (): Promise<Map<string, Buffer>> =>
  existsSync(PREBUILT) ? unpack(await readFile(PREBUILT)) : new Map()

/** Whether the package ships the binary of a C program for this architecture. */
export const isPrebuilt = async (source: string): Promise<boolean> =>
  (await prebuilt()).has(await nameOf(source, STATIC))

/** Compiles a C program into `folder`, under a name with a hash of its sources; returns its path. Throws CriuBenchError. */
export async function compileInto(
  folder: string,
  source: string,
  link: readonly string[] = STATIC,
): Promise<string> {
  const files = await sourcesOf(source)
  const binary = join(folder, await nameOf(source, link))
  const compiledFiles = files.filter((file) => file.endsWith('.c'))
  await makeViaDraft(binary, (draft) =>
    run(localHost, {
      argv: ['gcc', ...FLAGS, `-I${COMMON}`, '-o', draft, ...compiledFiles, ...link],
      failed: `cannot compile ${source}`,
      fix: 'apt-get install gcc libc6-dev',
      timeout: 120_000,
    }),
  )
  return binary
}

/** A name with a hash of the sources and flags: a binary of that name was made from exactly these. */
async function nameOf(source: string, link: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update([...FLAGS, ...link].join(' '))
  for (const file of await sourcesOf(source)) hash.update(await readFile(file))
  return `${basename(source, '.c')}-${hash.digest('hex').slice(0, 16)}`
}

/** The program's own files, and those of COMMON that it uses. */
async function sourcesOf(source: string): Promise<string[]> {
  const own = source.endsWith('.c') ? [source] : await sourcesIn(source, { recursive: true })
  return [...own, ...(await commonSourcesOf(own))]
}

async function sourcesIn(folder: string, options?: { recursive: boolean }): Promise<string[]> {
  const names = (await readdir(folder, options)).filter((name) => /\.[ch]$/.test(name))
  return names.toSorted().map((name) => join(folder, name))
}

/** The files of COMMON whose header one of `files` includes, or one of those files in turn. */
async function commonSourcesOf(files: readonly string[]): Promise<string[]> {
  const common = await sourcesIn(COMMON)
  const used = new Set<string>()
  const unread = [...files]
  for (let file = unread.pop(); file !== undefined; file = unread.pop()) {
    const included = includedBy(await readFile(file, 'utf8'))
    const found = common.filter((path) => !used.has(path) && included.has(basename(path).replace(/c$/, 'h')))
    for (const path of found) used.add(path)
    unread.push(...found)
  }
  return [...used].toSorted()
}

const includedBy = (text: string): Set<string> =>
  new Set([...text.matchAll(/^#include "([^"]+)"/gm)].map(([, header = '']) => header))
