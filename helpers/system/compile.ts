import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { localHost } from './host.ts'
import { CACHE } from './paths.ts'
import { run } from './process.ts'

const FLAGS = '-std=gnu17 -O2 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror'.split(' ')
/** No dynamic linking inside a measured start, and one file for a container to have. */
const STATIC = ['-static']

const compiled = new Map<string, Promise<string>>()

/**
 * Compiles a C program (a source file, or a folder of them) once for its content; returns the binary's path. `link`
 * replaces static linking: "-ljemalloc".
 */
export function compile(source: string, link: readonly string[] = STATIC): Promise<string> {
  const key = [source, ...link].join(' ')
  const known = compiled.get(key)
  if (known) return known
  const binary = build(source, link)
  compiled.set(key, binary)
  return binary
}

async function build(source: string, link: readonly string[]): Promise<string> {
  const files = await sourcesOf(source)
  const hash = createHash('sha256').update([...FLAGS, ...link].join(' '))
  for (const file of files) hash.update(await readFile(file))
  const name = basename(source).replace(/\.c$/, '')
  const binary = join(CACHE, `${name}-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(binary)) return binary
  await mkdir(CACHE, { recursive: true })
  await run(localHost, {
    argv: ['gcc', ...FLAGS, '-o', `${binary}.draft`, ...files.filter((file) => file.endsWith('.c')), ...link],
    failed: `cannot compile ${source}`,
    mend: 'apt-get install gcc libc6-dev',
    timeout: 120_000,
  })
  await rename(`${binary}.draft`, binary)
  return binary
}

async function sourcesOf(source: string): Promise<string[]> {
  if (source.endsWith('.c')) return [source]
  const names = (await readdir(source, { recursive: true })).filter((name) => /\.[ch]$/.test(name))
  return names.toSorted().map((name) => join(source, name))
}
