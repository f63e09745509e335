#!/usr/bin/env node
/** `vitest-criu COMMAND`: the reference's steps by hand, and a look at the machine. */
import { Command } from 'commander'
import { resolveSettings } from '../config/settings.ts'
import type { Settings } from '../config/options.ts'
import { CriuBenchError } from '../errors.ts'
import { sweep } from '../system/ledger.ts'
import { requireRoot } from '../system/root.ts'
import { parseSize } from '../units.ts'
import { examine } from './doctor.ts'
import { explainImages } from './explain.ts'
import * as steps from './steps.ts'

const program = new Command('vitest-criu')
  .description(
    'Checkpoint/restore benchmarks as tests. The steps take ROOTFS_ABS_PATH, CONTAINER_NAME, MEMORY_SIZE and BASE_IMAGE.',
  )
  .showHelpAfterError()

/** What every step starts with; `doctor` alone runs without root, to tell about it. */
function settings(): Settings {
  requireRoot()
  return resolveSettings({}, process.env)
}

program.command('doctor').description('check what a run needs of this machine, with the mend').action(doctor)
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
  .command('explain')
  .description('tell what the mapped restore makes of each part of a dumped memory, and why')
  .argument('<IMAGES>', 'folder with the images of a dump')
  .action(async (folder: string) => console.log(await explainImages(folder)))
program
  .command('unmount')
  .description('undo the steps')
  .action(() => steps.unmount(settings()))
program.command('clean').description('remove what a killed run could not').action(clean)

async function doctor(): Promise<void> {
  const findings = await examine(resolveSettings({}, process.env))
  for (const { name, found, mend } of findings) {
    console.log(
      mend === undefined ? `ok      ${name}: ${found}` : `MISSING ${name}: ${found}\n        mend: ${mend}`,
    )
  }
  if (findings.some(({ mend }) => mend !== undefined)) process.exitCode = 1
}

async function clean(): Promise<void> {
  requireRoot()
  const swept = await sweep()
  console.log(swept.length === 0 ? 'nothing to clean' : `removed the cgroups ${swept.join(', ')}`)
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
