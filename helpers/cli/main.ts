#!/usr/bin/env node
/** The program `vitest-criu COMMAND`. */
import '../disposal.ts'
import { Command, InvalidArgumentError } from 'commander'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { z } from 'zod'
import { resolveSettings } from '../config/settings.ts'
import type { Settings } from '../config/options.ts'
import { CriuBenchError, firstError } from '../errors.ts'
import { sweep } from '../sandbox/ledger.ts'
import { requireRoot } from '../host/root.ts'
import { requireNode } from '../installation/node-version.ts'
import { parseSize } from '../units.ts'
import type { CalibrateOptions } from './calibrate.ts'
import type { ReportOptions } from './report.ts'
import type * as Steps from './steps.ts'

const AFTER_HELP = `
The steps read ROOTFS_ABS_PATH, CONTAINER_NAME, MEMORY_SIZE and BASE_IMAGE from the environment.

Measure:
  npx vitest bench --run           measure every suite, and print the table
  npx vitest bench --run -t 64MB   measure one size`

interface Json {
  readonly json?: boolean
}
const JSON_OPTION = ['--json', 'print JSON'] as const

const program = new Command('vitest-criu')
  .description('Benchmarks as tests: how fast a process starts from a CRIU checkpoint.')
  .version(version(), '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .addHelpText('after', AFTER_HELP)
  .showHelpAfterError()

/** The version from package.json, which is found by the name of the package, in the tree and when installed. */
function version(): string {
  const manifest = readFileSync(new URL(import.meta.resolve('vitest-criu/package.json')), 'utf8')
  return z.object({ version: z.string() }).parse(JSON.parse(manifest)).version
}

/** The settings of a step. Steps need root. */
function settings(): Settings {
  requireRoot()
  return resolveSettings({}, process.env)
}

/**
 * Runs a step. Each command imports its own code, when its settings are right: all of it takes half a second to load,
 * which every command would wait for.
 */
async function step(name: keyof typeof Steps, chosen = settings()): Promise<void> {
  const steps = await import('./steps.ts')
  await steps[name](chosen)
}

/** The settings of a run with a baseline, which takes more samples. */
const gateSettings = (): Settings => resolveSettings({ save: 'calibration' }, process.env)

function count(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new InvalidArgumentError('expected a whole number above 0')
}

/** Minutes of `calibrate --quick`. */
const QUICK = 5

function minutes(text: string): number {
  const value = Number(text)
  if (value > 0 && value <= 1440) return value
  throw new InvalidArgumentError('expected minutes, such as 5')
}

// The doctor says it among everything else that is missing.
program.hook('preAction', (_program, command) => {
  if (command.name() !== 'doctor') requireNode()
})

program.commandsGroup('In a project:')
program
  .command('init')
  .description('write a configuration, a suite and a workflow; existing files are kept')
  .option('--dry-run', 'print what would be written, and write nothing')
  .action(async ({ dryRun = false }: { dryRun?: boolean }) => {
    const { init } = await import('./init.ts')
    await init(process.cwd(), { dryRun, say: console.log })
  })
program
  .command('report')
  .description('write every report of a results.json again, into its folder, unless that has another run')
  .argument('[RESULTS]', "path of the results.json (default: that of this project's last run)")
  .option('--history <FOLDER>', 'folder of earlier results, for the page (default: the baselines)')
  .option('--output <FOLDER>', 'write to this folder, and replace the reports in it')
  .option('--open', 'open the page in a browser')
  .action(async (file: string | undefined, options: ReportOptions) => {
    const { report } = await import('./report.ts')
    await report(file, options)
  })
program
  .command('comment')
  .description('write the Markdown of a comment on a pull request')
  .argument('[RESULTS]', "path of the results.json (default: that of this project's last run)")
  .option('--output <FILE>', 'write to this file, and not to the standard output')
  .action(async (file: string | undefined, options: { output?: string }) => {
    const { comment } = await import('./report.ts')
    await comment(file, options)
  })
program
  .command('compare')
  .description('compare the results of one run with those of an earlier one, as with a baseline')
  .argument('<BEFORE>', 'the earlier run: a results.json, or the name of a baseline')
  .argument('<NOW>', 'the later run: a results.json, or the name of a baseline')
  .option(...JSON_OPTION)
  .action(async (before: string, now: string, { json = false }: Json) => {
    const { compare } = await import('./compare.ts')
    const { text, status } = await compare(before, now, { json })
    console.log(text)
    process.exitCode = status
  })
program
  .command('calibrate')
  .description(
    'measure which injected delays the gate finds, and how often it reports a regression in unchanged code',
  )
  .option('--runs <N>', 'number of runs, each with its own baseline', count, 20)
  .option('--sizes <SIZES>', 'memory sizes', '1MB,16MB,64MB')
  .option('--out <FILE>', 'path of the report', 'reports/calibration.md')
  .option('--batch <NAME>', 'what this batch is for, in the report', 'calibration')
  .option('--append', 'add the batch to the report instead of replacing the report')
  .option('--disturb', 'disturb the machine on purpose, 2 s at random moments')
  .option('--keep <FOLDER>', 'keep the results of every run, for --recorded')
  .option(
    '--quick [MINUTES]',
    'tell what the gate sees on this machine, and propose `band` and `time`',
    minutes,
  )
  .option('--recorded <FOLDER>', 'measure nothing, but judge recorded runs of the same code')
  .action(async ({ quick, ...options }: Omit<CalibrateOptions, 'quick'> & { quick?: number | true }) => {
    const { calibrate } = await import('./calibrate.ts')
    await calibrate({ ...options, ...(quick && { quick: quick === true ? QUICK : quick }) }, gateSettings())
  })
program
  .command('doctor')
  .description('check that this machine has what a run needs, and name each fix')
  .option(...JSON_OPTION)
  .action(doctor)
program
  .command('clean')
  .description('remove what a killed run left')
  .option('--dry-run', 'print what would be removed, and remove nothing')
  .action(clean)

program
  .command('completion')
  .description('print a script that makes bash, zsh or fish complete commands and options')
  .argument('<SHELL>', 'bash, zsh or fish')
  .action(async (shell: string) => {
    const { completion } = await import('./completion.ts')
    process.stdout.write(completion(shell, program))
  })

program.helpCommand('help [command]', 'print the help of a command')

program.commandsGroup("The reference's steps, one by one:")
program
  .command('mount')
  .description('mount tmpfs on ROOTFS_ABS_PATH')
  .action(() => step('mount'))
program
  .command('rootfs')
  .description('export the base image criu to ROOTFS_ABS_PATH')
  .action(() => step('rootfs'))
program
  .command('dump')
  .description('start the handler on the host and dump it')
  .argument('[MEMORY_SIZE]', 'memory that the handler touches: in bytes, or as 64MB')
  .action((size?: string) =>
    step('dumpStep', {
      ...settings(),
      ...(size !== undefined && { sizes: [parseSize(size, 'MEMORY_SIZE of dump')] }),
    }),
  )
program
  .command('copy')
  .description('copy images and files to ROOTFS_ABS_PATH')
  .action(() => step('copy'))
program
  .command('restore')
  .description('restore in the lean container CONTAINER_NAME')
  .action(() => step('restore'))
program
  .command('unmount')
  .description('undo the steps')
  .action(() => step('unmount'))

program.commandsGroup('About a checkpoint:')
program
  .command('explain')
  .description('show how the strategy mapped restores each memory area of a dump, and why')
  .argument('<IMAGES>', 'the folder of a dump')
  .option(...JSON_OPTION)
  .action(async (folder: string, { json = false }: Json) => {
    const { explainImages } = await import('./explain.ts')
    console.log(await explainImages(folder, { json }))
  })

async function doctor({ json = false }: Json): Promise<void> {
  const { examine } = await import('./doctor.ts')
  const findings = await examine()
  if (json)
    console.log(JSON.stringify(findings.map((each) => ({ ok: each.fix === undefined, ...each })), undefined, 2)) // prettier-ignore
  else
    for (const { name, found, fix } of findings) {
      console.log(
        fix === undefined ? `ok      ${name}: ${found}` : `MISSING ${name}: ${found}\n        fix: ${fix}`,
      )
    }
  if (findings.some(({ fix }) => fix !== undefined)) process.exitCode = 1
}

async function clean({ dryRun = false }: { dryRun?: boolean }): Promise<void> {
  requireRoot()
  const { removed, setAside, kept } = await sweep({ dryRun })
  const lines = [
    ...removed.map((cgroup) => `${dryRun ? 'would remove' : 'removed'} the cgroup ${cgroup}`),
    ...setAside.map(
      (file) => `${dryRun ? 'would set aside' : 'set aside'} an unreadable ledger entry: ${file}`,
    ),
    ...kept.map(({ file, why }) => `left ${file} in place: ${why}`),
  ]
  console.log(lines.length === 0 ? 'nothing to clean' : lines.join('\n'))
}

// Exit handlers must run on a signal, so that programs in their own process groups end as well.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => process.exit(128 + constants.signals[signal]))

try {
  await program.parseAsync()
} catch (thrown) {
  const error = firstError(thrown)
  if (!(error instanceof CriuBenchError)) throw error
  console.error(error.message)
  process.exitCode = 1
}
