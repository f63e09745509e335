import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { CACHE, fixture } from '../../installation/paths.ts'
import { makeViaDraft } from '../../programs/draft.ts'

const RECIPE = fixture('base-image/build-criu.ts')

/** CRIU's test programs are in these folders of test/zdtm. */
export const SUITES = ['static', 'transition'] as const
export type Suite = (typeof SUITES)[number]

/**
 * The folder test/zdtm of CRIU's source, in the cache: the source package that this project builds its CRIU from. Nothing
 * of it is in the tree.
 */
export async function zdtmFolder(): Promise<string> {
  const key = createHash('sha256')
    .update(await readFile(RECIPE))
    .digest('hex')
    .slice(0, 16)
  const folder = join(CACHE, `zdtm-${key}`)
  if (!existsSync(folder))
    await makeViaDraft(folder, async (draft) => {
      await mkdir(draft)
      await execa(process.execPath, [RECIPE, '--source', join(draft, 'source')], { timeout: 300_000 })
    })
  return join(folder, 'source/test/zdtm')
}

/** Runs make in a folder. Only one at a time, whoever runs it: two would write the same files. */
export async function make(folder: string, ...words: string[]): Promise<string> {
  const command = ['make', '--no-print-directory', '--directory', folder, ...words]
  const { all } = await execa('flock', [join(folder, 'Makefile'), ...command], {
    all: true,
    reject: false,
    timeout: 600_000,
  })
  return all
}

/**
 * Builds programs, unless they are built already. Returns what make printed: programs may fail to build for lack of a
 * library. Their Makefile's lists of dependencies are left empty, because the source does not change.
 */
export async function build(zdtm: string, suite: Suite, programs: readonly string[]): Promise<string> {
  const folder = join(zdtm, suite)
  const left = programs.filter((program) => !existsSync(join(folder, program)))
  if (left.length === 0) return ''
  for (const each of ['lib', suite])
    await execa('sh', ['-c', 'for file in "$1"/*.c; do : >"${file%.c}.d"; done', 'sh', join(zdtm, each)])
  await make(join(zdtm, 'lib'))
  const jobs = ['--jobs=2', '--keep-going', 'USERCFLAGS=-Wno-error']
  return make(folder, ...jobs, ...left)
}
