import { globSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { expect } from 'vitest'
import { z } from 'zod'
import { npmSettings, outcomeOf, PROJECT, type Ended } from './testing/commands.ts'
import { temporaryFolder } from './testing/folders.ts'

export const HAS_NODE = ['x64', 'arm64'].includes(process.arch)
type OtherNode = '22' | '20'
/** The oldest Node that is supported, and one that is not. */
const OTHER_NODES: readonly OtherNode[] = HAS_NODE ? ['22', '20'] : []
/** Undefined if npm has none for this machine. */
export const OLDEST = OTHER_NODES[0]

/** The Node that runs this test comes before any other Node of the machine. */
const PATH = [dirname(process.execPath), process.env['PATH']].join(delimiter)

/** The output of `npm pack --json`: the size in bytes, and paths within the package. */
const Pack = z.object({ size: z.int(), files: z.array(z.object({ path: z.string() })) })
const Manifest = z.looseObject({
  version: z.string(),
  scripts: z.record(z.string(), z.string()),
  dependencies: z.record(z.string(), z.string()),
})
export const manifestOf = async (folder: string): Promise<z.infer<typeof Manifest>> =>
  Manifest.parse(JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')))

interface Packed extends z.infer<typeof Pack> {
  readonly tarball: string
}

/** The package, packed, and an empty project that has it beside vitest. */
export interface Installation extends AsyncDisposable {
  readonly packed: Packed
  readonly app: string
  /** The folder of the package in it. */
  readonly installed: string
  /** Runs a command as an npm script does, with the packages' programs on PATH, on this Node or on another. */
  readonly inApp: (
    argv: readonly string[],
    environment?: Readonly<Record<string, string>>,
    node?: OtherNode,
  ) => Promise<Ended>
}

/** Runs a command that must succeed. Returns its output. */
export async function done(argv: readonly string[], folder: string): Promise<string> {
  const { status, stdout, stderr } = await outcomeOf(argv, { ...npmSettings(), PATH }, folder)
  expect(status, `${argv.join(' ')}: ${stdout}${stderr}`).toBe(0)
  return stdout
}

/** Packs the package, and installs it with vitest in an empty folder outside the tree. */
export async function installPackage(): Promise<Installation> {
  await using undo = new AsyncDisposableStack()
  const { path } = undo.use(await temporaryFolder())
  const app = join(path, 'app')
  const [packed] = await Promise.all([pack(path), installNodes(path)])
  await mkdir(app)
  await writeFile(join(app, 'package.json'), '{}')
  await done([...INSTALL, '--save-dev', 'vitest@^5.1.0', '@types/node', packed.tarball], app)
  const inApp: Installation['inApp'] = (argv, environment = {}, node) => {
    const others = node === undefined ? [] : [join(path, 'nodes/node_modules', `node${node}`, 'bin')]
    const folders = [...others, join(app, 'node_modules/.bin'), PATH]
    // The tests' common cache of compiled code would keep that of this folder for good.
    const own = { PATH: folders.join(delimiter), NODE_COMPILE_CACHE: join(path, 'compiled') }
    return outcomeOf(argv, { ...own, ...environment }, app)
  }
  const resources = undo.move()
  const installed = join(app, 'node_modules/vitest-criu')
  return { packed, app, installed, inApp, [Symbol.asyncDispose]: () => resources.disposeAsync() }
}

const INSTALL = ['npm', 'install', '--prefer-offline', '--no-audit', '--no-fund']

async function pack(folder: string): Promise<Packed> {
  const answer = await done(['npm', 'pack', '--json', '--pack-destination', folder], PROJECT)
  // The output of `prepack` comes before the JSON. Older versions of npm print a list, newer ones a record.
  const packs = z
    .record(z.string(), Pack)
    .or(z.array(Pack))
    .parse(JSON.parse(answer.slice(answer.search(/^[[{]$/m))))
  const tarball = globSync(join(folder, '*.tgz'))[0] ?? expect.fail('no tarball')
  return { ...(Object.values(packs)[0] ?? expect.fail(answer)), tarball }
}

async function installNodes(folder: string): Promise<void> {
  const packages = OTHER_NODES.map((version) => `node${version}@npm:node-linux-${process.arch}@${version}`)
  if (packages.length > 0) await done([...INSTALL, '--prefix', 'nodes', ...packages], folder)
}
