/**
 * `npm run build`: builds dist/, which the package contains. JavaScript and types have the same layout as the sources,
 * so that relative paths between files stay valid. C programs are compiled for this architecture, for users without a
 * compiler. The package also has their sources, which are compiled on first use on other architectures.
 */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { $ } from 'zx'
import { compileInto } from '../helpers/programs/compile.ts'
import { pack } from '../helpers/programs/pack.ts'

const ROOT = join(import.meta.dirname, '..')
const DIST = join(ROOT, 'dist')
/** What only the tests and the suites here use, and the page that is in the package's own fixtures/, where links expect it. */
const NOT_SHIPPED = new Set(['scenes', 'foreign', 'functions', 'load', 'examples', 'README.md'])
/** All C programs that a benchmark runs. */
const PROGRAMS = [
  'programs/control.c',
  'programs/extents.c',
  'programs/lazy-restore.c',
  'programs/lean-container',
  'programs/memory-control.c',
  'programs/observe',
  'programs/opened.c',
  'programs/start-handler.c',
  'handlers/native-handler.c',
]

await rm(DIST, { recursive: true, force: true })
await $({ cwd: ROOT, quiet: true })`tsc --project .ci/tsconfig.build.json`
for (const name of await readdir(join(ROOT, 'fixtures'))) {
  if (!NOT_SHIPPED.has(name))
    await cp(join(ROOT, 'fixtures', name), join(DIST, 'fixtures', name), { recursive: true })
}
// The HTML report reads these files, which tsc does not copy.
for (const name of ['style.css', 'script.js'])
  await cp(join(ROOT, 'reports/html', name), join(DIST, 'reports/html', name))
await packPrograms()

async function packPrograms(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), `vitest-criu-build-${process.pid}-`))
  try {
    const sources = PROGRAMS.map((program) => join(DIST, 'fixtures', program))
    const binaries = await Promise.all(sources.map((source) => compileInto(folder, source)))
    const files = new Map<string, Buffer>()
    for (const binary of binaries) files.set(basename(binary), await readFile(binary))
    await mkdir(join(DIST, 'prebuilt'))
    await writeFile(join(DIST, 'prebuilt', `${process.arch}.br`), pack(files))
  } finally {
    await rm(folder, { recursive: true })
  }
}
