import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { CriuBenchError } from '../errors.ts'
import { localHost } from '../host/host.ts'
import { CACHE, fixture } from '../installation/paths.ts'
import { run } from '../process/process.ts'
import { missingPrograms } from '../programs/installed.ts'
import { versionOf } from './bundle.ts'

/**
 * The source of the build script. The package ships it compiled as well; the cache key is the hash of the source, so
 * that both share one build.
 */
const RECIPE = fixture('base-image/build-criu.ts')
const RUNNABLE_RECIPE = fixture(`base-image/build-criu${extname(import.meta.url)}`)
/** Programs that the build needs. The build itself checks its libraries. */
const BUILD_PROGRAMS = ['apt-get', 'gcc', 'make', 'pkg-config', 'protoc', 'protoc-c', 'xz']
const PACKAGES = readFileSync(fixture('base-image/packages'), 'utf8').trim().replaceAll('\n', ' ')
const FIX =
  'install a criu of 4.1.1 or later that passes `criu check`, or name a base image that has one: ' +
  `export BASE_IMAGE=/path/to/rootfs.tar; to build one here, with network access: apt-get install ${PACKAGES}`

/** A CRIU that has passed `criu check` on this kernel. */
export interface CriuBinary {
  readonly path: string
  /** For example "4.1.1". */
  readonly version: string
  readonly origin: 'built' | 'host'
}

let found: Promise<CriuBinary> | undefined

/**
 * Finds a CRIU for this machine: a static one, built from source and cached, or the machine's own if the build fails.
 * Throws CriuBenchError if neither passes `criu check`.
 */
export function findCriu(progress: (line: string) => void = () => {}): Promise<CriuBinary> {
  found ??= search(progress)
  return found
}

async function search(progress: (line: string) => void): Promise<CriuBinary> {
  try {
    return await checked(await built(progress), 'built')
  } catch (error) {
    const own = await checked('criu', 'host').catch(() => undefined)
    if (own) return own
    throw error
  }
}

async function built(progress: (line: string) => void): Promise<string> {
  const key = createHash('sha256')
    .update(await readFile(RECIPE))
    .digest('hex')
    .slice(0, 16)
  const binary = join(CACHE, `criu-${key}`, 'criu')
  if (existsSync(binary)) return binary
  refuseWithout(missingPrograms(BUILD_PROGRAMS))
  progress('building a static criu, once (about 20 s)')
  await run(localHost, {
    argv: [process.execPath, RUNNABLE_RECIPE, binary],
    failed: 'cannot build CRIU from the source of a newer Debian release',
    fix: FIX,
    timeout: 600_000,
    env: { NO_COLOR: '1' },
    onLine: (line) => progress(line.trim()),
  })
  return binary
}

/** Throws CriuBenchError before a source is fetched that cannot be built. */
function refuseWithout(missing: readonly string[]): void {
  if (missing.length === 0) return
  throw new CriuBenchError({
    failed: 'cannot build CRIU',
    found: `missing programs: ${missing.join(', ')}`,
    expected: 'the programs that the build of CRIU needs',
    fix: FIX,
  })
}

async function checked(criu: string, origin: CriuBinary['origin']): Promise<CriuBinary> {
  const check = await run(localHost, {
    argv: [criu, 'check'],
    failed: `cannot use ${criu}: \`criu check\` does not pass on this kernel`,
    fix: FIX,
    timeout: 30_000,
  })
  if (!/Looks good/.test(check.stdout)) {
    throw new CriuBenchError({
      failed: `cannot use ${criu}`,
      found: check.stdout.trim() || 'no output of `criu check`',
      expected: 'the output "Looks good." of `criu check`',
      fix: FIX,
    })
  }
  return { path: await pathOf(criu), version: await versionOf(localHost, [criu]), origin }
}

async function pathOf(program: string): Promise<string> {
  const { stdout } = await run(localHost, {
    argv: ['sh', '-c', 'command -v "$1"', 'sh', program],
    failed: `cannot find ${program}`,
    fix: FIX,
    timeout: 5000,
  })
  return stdout.trim()
}
