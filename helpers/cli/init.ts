import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { CriuBenchError } from '../errors.ts'
import { fixture } from '../installation/paths.ts'
import { packageManagerOf, repositoryOf } from './package-manager.ts'
import { isInstalled } from './project.ts'
import { workflow } from './workflow.ts'

/** The folder of the files that init writes, at their final paths. */
const TEMPLATE = fixture('init')
const WORKFLOW = '.github/workflows/criu.yml'
const CONFIG = 'vitest.config.mts'
/** Where vitest looks for a configuration, in its order. */
const CONFIGS = ['vitest.config', 'vite.config'].flatMap((name) =>
  ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'].map((extension) => `${name}.${extension}`),
)

/**
 * Writes a configuration and a suite into `folder`, and a workflow at the root of its repository, and reports each file.
 * Existing files are left unchanged. A dry run only reports. Throws CriuBenchError if `folder` is not an npm project.
 */
export async function init(
  folder: string,
  { dryRun, say }: { dryRun: boolean; say: (line: string) => void },
): Promise<void> {
  checkProject(folder)
  const manager = packageManagerOf(folder)
  const repository = repositoryOf(folder)
  const files = new Map<string, string>([
    [join(relative(folder, repository), WORKFLOW), await workflow(manager, relative(repository, folder))],
  ])
  for (const file of await templateFiles()) files.set(file, await readFile(join(TEMPLATE, file), 'utf8'))
  for (const [file, text] of files) {
    const present = presentFor(folder, file)
    if (present === undefined) {
      if (!dryRun) await write(join(folder, file), text)
      say(`${dryRun ? 'would write' : 'wrote'} ${file}`)
    } else {
      say(`kept ${present} unchanged`)
      if (file === CONFIG && !(await usesPlugin(join(folder, present)))) say(addition(present))
    }
  }
  if (manager.name === 'yarn' && !isInstalled('vite', folder))
    say('\nyarn does not install vite, which vitest needs: yarn add --dev vite')
  say(
    `\nnext, as root: ${manager.exec} vitest-criu doctor && ${manager.exec} vitest bench --run\n` +
      'the results will be in reports/out, which you can add to .gitignore',
  )
}

function checkProject(folder: string): void {
  if (existsSync(join(folder, 'package.json'))) return
  throw new CriuBenchError({
    failed: `cannot set up a project in ${folder}`,
    found: 'a folder without package.json',
    expected: 'the folder of an npm project',
    fix: 'change to the folder of your project, or create one here: npm init --yes && npm install --save-dev vitest vitest-criu',
  })
}

async function templateFiles(): Promise<string[]> {
  const entries = await readdir(TEMPLATE, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(TEMPLATE.length + 1))
    .toSorted()
}

/** The existing file in place of `file`, if any. For the configuration, any configuration of vitest or vite counts. */
const presentFor = (folder: string, file: string): string | undefined =>
  (file === CONFIG ? CONFIGS : [file]).find((name) => existsSync(join(folder, name)))

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text, { flag: 'wx' })
}

const usesPlugin = async (config: string): Promise<boolean> =>
  (await readFile(config, 'utf8')).includes('vitest-criu')

const addition = (config: string): string => `
add the plugin to ${config}:

    import { criu } from 'vitest-criu'

    plugins: [criu({ sizes: ['1MB', '64MB'] })],
`
