import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { localHost } from '../host/host.ts'
import { CACHE, PREBUILT } from '../installation/paths.ts'
import { run } from '../process/process.ts'

const FLAGS = '-std=gnu17 -O2 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror'.split(' ')
/** No dynamic linking inside a measured start, and one file, a small one, for a container to have. */
const STATIC = ['-static', '-s']

const compiled = new Map<string, Promise<string>>()

/**
 * Compiles a C program (a source file, or a folder of them) once for its content; returns the binary's path. `link`
 * replaces static linking: "-ljemalloc". No compiler is needed where the package brings the binary of those sources.
 * Throws CriuBenchError.
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
  const packed = join(PREBUILT, packedName(name))
  return existsSync(packed) ? unpack(packed, binary) : compileInto(CACHE, source, link)
}

/** What a binary is called in the package. */
export const packedName = (name: string): string => `${name}.br`

async function unpack(packed: string, binary: string): Promise<string> {
  const draft = `${binary}.draft-${process.pid}`
  await mkdir(CACHE, { recursive: true })
  await writeFile(draft, brotliDecompressSync(await readFile(packed)), { mode: 0o755 })
  await rename(draft, binary)
  return binary
}

/** Whether the package brings the binary of a C program for this architecture. */
export const isPrebuilt = async (source: string): Promise<boolean> =>
  existsSync(join(PREBUILT, packedName(await nameOf(source, STATIC))))

/** Compiles a C program into `folder`; returns the binary's path there, which its content names. Throws CriuBenchError. */
export async function compileInto(
  folder: string,
  source: string,
  link = STATIC as readonly string[],
): Promise<string> {
  const files = await sourcesOf(source)
  const binary = join(folder, await nameOf(source, link))
  await mkdir(folder, { recursive: true })
  await run(localHost, {
    argv: ['gcc', ...FLAGS, '-o', `${binary}.draft`, ...files.filter((file) => file.endsWith('.c')), ...link],
    failed: `cannot compile ${source}`,
    fix: 'apt-get install gcc libc6-dev',
    timeout: 120_000,
  })
  await rename(`${binary}.draft`, binary)
  return binary
}

/** Other sources or flags have another name: a binary of that name is one of these sources. */
async function nameOf(source: string, link: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update([...FLAGS, ...link].join(' '))
  for (const file of await sourcesOf(source)) hash.update(await readFile(file))
  return `${basename(source).replace(/\.c$/, '')}-${hash.digest('hex').slice(0, 16)}`
}

async function sourcesOf(source: string): Promise<string[]> {
  if (source.endsWith('.c')) return [source]
  const names = (await readdir(source, { recursive: true })).filter((name) => /\.[ch]$/.test(name))
  return names.toSorted().map((name) => join(source, name))
}
