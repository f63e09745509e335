/**
 * `npm run build`: makes dist/, which the package ships. JavaScript and types are laid out as in the tree, so that paths
 * between files are the same in both. C programs are compiled for this architecture, for users without a compiler;
 * their sources are shipped, too, and compiled on first use elsewhere.
 */
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import { $ } from 'zx'
import { compileInto, packedName } from '../helpers/programs/compile.ts'

const ROOT = join(import.meta.dirname, '..')
const DIST = join(ROOT, 'dist')
/** Folders of fixtures/ that only the tests of this tree use. */
const NOT_SHIPPED = new Set(['scenes', 'examples'])
/** Every C program that a benchmark starts. */
const PROGRAMS = [
  'programs/control.c',
  'programs/lazy-restore.c',
  'programs/lean-container',
  'programs/observe',
  'programs/start-handler.c',
  'handlers/native-handler.c',
]

await rm(DIST, { recursive: true, force: true })
await $({ cwd: ROOT, quiet: true })`tsc --project .ci/tsconfig.build.json`
for (const name of await readdir(join(ROOT, 'fixtures'))) {
  if (!NOT_SHIPPED.has(name))
    await cp(join(ROOT, 'fixtures', name), join(DIST, 'fixtures', name), { recursive: true })
}
// The HTML page reads its stylesheet and its script from files beside it; tsc does not copy them.
for (const name of ['style.css', 'script.js'])
  await cp(join(ROOT, 'reports/html', name), join(DIST, 'reports/html', name))
for (const program of PROGRAMS)
  await pack(await compileInto(join(DIST, 'prebuilt', process.arch), join(DIST, 'fixtures', program)))

/** Packs a binary with Brotli: a fifth smaller than by npm's own compression. */
async function pack(binary: string): Promise<void> {
  const packed = join(dirname(binary), packedName(basename(binary)))
  await writeFile(packed, brotliCompressSync(await readFile(binary)))
  await rm(binary)
}
