import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { CriuBenchError } from '../errors.ts'
import { localHost } from '../host/host.ts'
import { CACHE, fixture } from '../installation/paths.ts'
import { run } from '../process/process.ts'
import { missingPrograms } from '../programs/installed.ts'

/** In the package the recipe lies there compiled as well: one source is one cached CRIU, whichever of them built it. */
const RECIPE = fixture('base-image/build-criu.ts')
const RUNNABLE_RECIPE = fixture(`base-image/build-criu${extname(import.meta.url)}`)
/** Programs of those packages; its libraries the build asks for itself. */
const BUILD_PROGRAMS = ['apt-get', 'gcc', 'make', 'pkg-config', 'protoc', 'protoc-c', 'xz']
const PACKAGES = readFileSync(fixture('base-image/packages'), 'utf8').trim().replaceAll('\n', ' ')
const FIX =
  'install a criu of 4.1.1 or later that passes `criu check`, or name a base image that has one: ' +
  `export BASE_IMAGE=/path/to/rootfs.tar; to build one here, with network access: apt-get install ${PACKAGES}`

/** A CRIU that was seen to pass `criu check` on this kernel. */
export interface CriuBinary {
  readonly path: string
  /** As in "4.1.1". */
  readonly version: string
  readonly origin: 'built' | 'host'
}

let found: Promise<CriuBinary> | undefined

/**
 * The CRIU for this machine: a static one built from source (once, cached by the content of its recipe), or where that
 * cannot be had, the machine's own. Throws CriuBenchError when neither passes `criu check`.
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
    failed: 'cannot build CRIU from the source of a newer Debian suite',
    fix: FIX,
    timeout: 600_000,
    env: { NO_COLOR: '1' },
    onLine: (line) => progress(line.trim()),
  })
  return binary
}

/** At once, and not after fetching a source that nothing here can build. */
function refuseWithout(missing: readonly string[]): void {
  if (missing.length === 0) return
  throw new CriuBenchError({
    failed: 'cannot build CRIU',
    found: `no ${missing.join(', ')}`,
    expected: 'what its build needs',
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
      found: check.stdout.trim() || 'no answer to `criu check`',
      expected: '"Looks good."',
      fix: FIX,
    })
  }
  return { path: await whereIs(criu), version: await versionOf(criu), origin }
}

async function whereIs(program: string): Promise<string> {
  const { stdout } = await run(localHost, {
    argv: ['sh', '-c', 'command -v "$1"', 'sh', program],
    failed: `cannot find ${program}`,
    fix: FIX,
    timeout: 5000,
  })
  return stdout.trim()
}

async function versionOf(criu: string): Promise<string> {
  const { stdout } = await run(localHost, {
    argv: [criu, '--version'],
    failed: `cannot ask ${criu} for its version`,
    fix: FIX,
    timeout: 5000,
  })
  return /Version: (\S+)/.exec(stdout)?.[1] ?? 'unknown'
}
