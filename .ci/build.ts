/**
 * `npm run build`: what the package ships, in dist/. JavaScript and types lie in the tree's own layout, so that paths
 * from one file to another are the same in both; C programs are compiled for this architecture, for users without a
 * compiler. Others compile the sources, which are there too, on first use.
 */
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { brotliCompressSync } from 'node:zlib'
import { $ } from 'zx'
import { compileInto, packedName } from '../helpers/programs/compile.ts'

const ROOT = join(import.meta.dirname, '..')
const DIST = join(ROOT, 'dist')
/** Only this tree's tests use them. */
const NOT_SHIPPED = new Set(['scenes', 'examples'])
/** Every C program that a user's run starts. */
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
// The page's stylesheet and script, which are no modules, and which it reads from beside itself.
for (const name of ['style.css', 'script.js'])
  await cp(join(ROOT, 'reports/html', name), join(DIST, 'reports/html', name))
for (const program of PROGRAMS)
  await pack(await compileInto(join(DIST, 'prebuilt', process.arch), join(DIST, 'fixtures', program)))

/** By a fifth smaller than what npm's own compression makes of it. */
async function pack(binary: string): Promise<void> {
  const packed = join(dirname(binary), packedName(basename(binary)))
  await writeFile(packed, brotliCompressSync(await readFile(binary)))
  await rm(binary)
}
