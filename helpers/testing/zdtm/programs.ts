import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { z } from 'zod'
import { make, SUITES, type Suite } from './source.ts'

/** What CRIU's authors state about a program, in its .desc file. */
const Description = z.object({
  flags: z.string().default(''),
  flavor: z.string().default('h ns uns'),
  opts: z.string().default(''),
  dopts: z.string().default(''),
  ropts: z.string().default(''),
  feature: z.string().default(''),
  arch: z.string().default(''),
})

/** One of CRIU's test programs. It starts, waits for SIGTERM, checks itself, and writes PASS into a file. */
export interface Program {
  readonly suite: Suite
  /** Its file in the folder of the suite. */
  readonly file: string
  /** The name in titles and tables, with the suite where it is not `static`. */
  readonly name: string
  /** The folder of the suite. */
  readonly folder: string
  readonly argv: readonly string[]
  readonly description: z.infer<typeof Description>
}

/** The programs with these names, or all, in the order of their Makefiles. They need not be built yet. */
export async function programsOf(zdtm: string, names?: readonly string[]): Promise<Program[]> {
  const lists = await Promise.all(SUITES.map((suite) => programsIn(suite, join(zdtm, suite), names)))
  return lists.flat()
}

const nameOf = (suite: Suite, file: string): string => (suite === 'static' ? file : `${suite}/${file}`)

async function programsIn(suite: Suite, folder: string, names?: readonly string[]): Promise<Program[]> {
  const list = await make(folder, '--silent', '--eval=all-programs: ; @echo $(TST)', 'all-programs')
  const files = list
    .trim()
    .split(/\s+/)
    .filter((file) => names?.includes(nameOf(suite, file)) ?? true)
  const commands = await commandLines(folder, files)
  const descriptions = await readDescriptions(folder, files)
  return files.flatMap((file) => {
    const argv = commands.get(file)
    if (!argv) return []
    const description = Description.parse(descriptions[file] ?? {})
    return [{ suite, file, name: nameOf(suite, file), folder, argv, description }]
  })
}

/** The arguments with which the Makefile starts each program; it is not started. */
async function commandLines(folder: string, files: readonly string[]): Promise<Map<string, string[]>> {
  const printed = await make(folder, '--dry-run', '--keep-going', ...files.map((file) => `${file}.pid`))
  const lines = [...printed.matchAll(/^\.\/(\S+) (--pidfile=.*)$/gm)]
  return new Map(lines.map(([, file = '', rest = '']) => [file, rest.split(' ')]))
}

/** The files are Python; one of them depends on the environment of CRIU's own test runner. */
const READ = `
import json, os, stat, sys
def read(file):
    try:
        return eval(open(file).read(), {'os': os, 'stat': stat})
    except Exception:
        return {'flags': 'noauto'}
print(json.dumps({name: read(name + '.desc') for name in sys.argv[1:] if os.path.exists(name + '.desc')}))
`

async function readDescriptions(folder: string, files: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout } = await execa('/usr/bin/python3', ['-I', '-c', READ, ...files], { cwd: folder })
  return z.record(z.string(), z.unknown()).parse(JSON.parse(stdout))
}

const hasFlag = ({ description }: Program, flag: string): boolean =>
  description.flags.split(' ').includes(flag)

/** Hooks that do nothing for a dump without another before it. */
const IDLE_HOOKS = /^(socket-tcp.*|unlink_fstat00)$/

/** Why a program cannot be judged here, as far as its description tells; undefined if it can. */
export function whyNot(program: Program): string | undefined {
  const { description, file, folder } = program
  const { flavor, opts, dopts, ropts, arch } = description
  const isHooked = existsSync(join(folder, `${file}.hook`)) && !IDLE_HOOKS.test(file)
  if (hasFlag(program, 'crfail')) return 'CRIU is to refuse its dump (crfail)'
  if (!flavor.split(' ').includes('h'))
    return 'it needs namespaces of its own, inside of the dump (flavor ns)'
  if (arch !== '' && !arch.split(' ').includes(ARCHITECTURE)) return `it is for ${arch}`
  if (/--manage-cgroups/.test(`${opts} ${dopts} ${ropts}`) || file.startsWith('cgroup'))
    return 'it makes cgroups of its own, and a container has another'
  if (hasFlag(program, 'crlib')) return 'it needs a plugin of CRIU'
  if (hasFlag(program, 'pre-dump-notify')) return 'it needs a dump before the dump (pre-dump-notify)'
  if (isHooked) return 'it needs a script of CRIU’s own test runner (hook)'
  return undefined
}

const ARCHITECTURE = process.arch === 'x64' ? 'x86_64' : 'aarch64'

/** Why lazy is left out, as CRIU's authors say. */
export const whyNotLazy = (program: Program): string | undefined =>
  hasFlag(program, 'nolazy') ? 'CRIU cannot restore it lazily (nolazy)' : undefined
