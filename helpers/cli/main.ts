#!/usr/bin/env node
/** `vitest-criu COMMAND`: the reference's steps by hand, reports, and a look at the machine. */
import '../disposal.ts'
import { Command, InvalidArgumentError } from 'commander'
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { resolveSettings } from '../config/settings.ts'
import type { Settings } from '../config/options.ts'
import { CriuBenchError } from '../errors.ts'
import { sweep } from '../sandbox/ledger.ts'
import { requireRoot } from '../host/root.ts'
import { parseSize } from '../units.ts'
import { calibrate, type CalibrateOptions } from './calibrate.ts'
import { compare } from './compare.ts'
import { examine } from './doctor.ts'
import { explainImages } from './explain.ts'
import { init } from './init.ts'
import { report } from './report.ts'
import * as steps from './steps.ts'

const AFTER_HELP = `
The steps take ROOTFS_ABS_PATH, CONTAINER_NAME, MEMORY_SIZE and BASE_IMAGE of the environment.

Measure:
  npx vitest bench --run           every suite; ends with the table
  npx vitest bench --run -t 64MB   one size`

const program = new Command('vitest-criu')
  .description('Checkpoint/restore benchmarks as tests: what a start from a CRIU checkpoint costs.')
  .version(version(), '--version', 'tell the version')
  .helpOption('--help', 'tell this')
  .helpCommand(false)
  .addHelpText('after', AFTER_HELP)
  .showHelpAfterError()

/** Of package.json, which this project finds by its own name wherever it lies. */
function version(): string {
  const manifest = readFileSync(new URL(import.meta.resolve('vitest-criu/package.json')), 'utf8')
  return z.object({ version: z.string() }).parse(JSON.parse(manifest)).version
}

/** What every step starts with; `doctor` alone runs without root, to tell about it. */
function settings(): Settings {
  requireRoot()
  return resolveSettings({}, process.env)
}

/** Those that hold where something is held against a baseline. */
const gateSettings = (): Settings => resolveSettings({ save: 'calibration' }, process.env)

function count(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new InvalidArgumentError('a whole number above 0')
}

program.commandsGroup('In a project:')
program
  .command('init')
  .description('write a configuration, a suite and a workflow, each where there is none yet')
  .option('--dry-run', 'say what would be written, and write nothing')
  .action(({ dryRun = false }: { dryRun?: boolean }) => init(process.cwd(), { dryRun, say: console.log }))
program
  .command('report')
  .description('write every report of a results.json anew, beside it')
  .argument('[RESULTS]', 'the file', 'reports/out/results.json')
  .option('--history <FOLDER>', 'earlier results, for the page', 'reports/baselines')
  .action((file: string, { history }: { history: string }) => report(file, history))
program
  .command('compare')
  .description('hold the results of one run against those of another, as a run does against its baseline')
  .argument('<BEFORE>', 'a results.json, or the name of a baseline')
  .argument('<NOW>', 'the same')
  .action(async (before: string, now: string) => {
    process.exitCode = await compare(before, now, resolveSettings({}, process.env))
  })
program
  .command('calibrate')
  .description(
    'measure what the gate finds of planted slow-downs, and how often it takes the same for slower',
  )
  .option('--runs <N>', 'runs, each with a baseline', count, 20)
  .option('--sizes <SIZES>', 'of the memory', '1MB,16MB,64MB')
  .option('--out <FILE>', 'where the report goes', 'reports/calibration.md')
  .option('--simulate <FILE>', 'measure nothing: draw from the samples of a results.json')
  .action((options: CalibrateOptions) => calibrate(options, gateSettings()))
program.command('doctor').description('check what a run needs of this machine, with the fix').action(doctor)
program
  .command('clean')
  .description('remove what a killed run could not')
  .option('--dry-run', 'print what would be removed, and remove nothing')
  .action(clean)

program.commandsGroup("The reference's steps, one by one:")
program
  .command('mount')
  .description('mount tmpfs on ROOTFS_ABS_PATH')
  .action(() => steps.mount(settings()))
program
  .command('rootfs')
  .description('export the base image criu to ROOTFS_ABS_PATH')
  .action(() => steps.rootfs(settings()))
program
  .command('dump')
  .description('start the handler on the host and dump it')
  .argument('[MEMORY_SIZE]', 'bytes that the handler touches, or 64MB')
  .action((size?: string) =>
    steps.dumpStep(size === undefined ? settings() : { ...settings(), sizes: [parseSize(size)] }),
  )
program
  .command('copy')
  .description('copy images and files to ROOTFS_ABS_PATH')
  .action(() => steps.copy(settings()))
program
  .command('restore')
  .description('restore in the lean container CONTAINER_NAME')
  .action(() => steps.restore(settings()))
program
  .command('unmount')
  .description('undo the steps')
  .action(() => steps.unmount(settings()))

program.commandsGroup('About a checkpoint:')
program
  .command('explain')
  .description('tell what the mapped restore makes of each part of a dumped memory, and why')
  .argument('<IMAGES>', 'folder with the images of a dump')
  .action(async (folder: string) => console.log(await explainImages(folder)))

async function doctor(): Promise<void> {
  const findings = await examine()
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

// An orderly end, so that what was started in groups of their own ends too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CriuBenchError)) throw error
  console.error(error.message)
  process.exitCode = 1
}
