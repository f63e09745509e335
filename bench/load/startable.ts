/** What a load starts: lean containers alone, and restores. */
import { basename, dirname, join } from 'node:path'
import { launchCommand } from '../../helpers/container/launcher.ts'
import { HANDLER_FOLDER, handlerFiles } from '../../helpers/handlers/handler.ts'
import { CriuBenchError } from '../../helpers/index.ts'
import { fixture } from '../../helpers/installation/paths.ts'
import type { PreparedCheckpoint } from '../../helpers/measure/prepare.ts'
import { compile } from '../../helpers/programs/compile.ts'
import { requestFor } from '../../helpers/restore/restore-run.ts'
import { layOutSample } from '../../helpers/restore/sample-folder.ts'
import type { Sandbox } from '../../helpers/sandbox/sandbox.ts'

/** Stands for the number of a slot in a command: each of the starts at once has a container and files of its own. */
const SLOT = '{slot}'

/** Something that can be started any number of times, several at once. */
export interface Startable {
  readonly name: string
  readonly sandbox: Sandbox
  readonly command: readonly string[]
  /** Where a start reports its end; missing if it ends itself. */
  readonly report?: string
  /** What each must report. */
  readonly checksum?: string
}

/** Milliseconds for all starts of a load, or for one that is held. */
export const LIMIT = 120_000

/** Lean containers without a restore: they run a program that ends at once. */
export async function leanContainers(sandbox: Sandbox, rootfs: string): Promise<Startable> {
  const nothing = await compile(fixture('load/nothing.c'))
  const name = `${sandbox.containerName}.${SLOT}`
  const request = { name, rootfs, command: [nothing], readOnlyRoot: true, timeout: LIMIT }
  return { name: 'lean container', sandbox, command: await launchCommand(sandbox, request) }
}

/** Restores by the first strategy. Each slot has a folder of its own, which its restores use one after the other. */
export async function restores(
  name: string,
  sandbox: Sandbox,
  { checkpoints: [checkpoint] }: PreparedCheckpoint,
  slots: number,
): Promise<Startable> {
  if (!checkpoint) throw new Error(`${name}: no checkpoint was prepared`)
  const { handler, rootfs: dumped, checksum } = checkpoint
  const named = (slot: string) => `${sandbox.containerName}.${slot}`
  const folders = Array.from({ length: slots }, (_, slot) =>
    layOutSample({ host: sandbox, handler, dumped, lock: '1', containerName: named(String(slot)) }),
  )
  const [first] = await Promise.all(folders)
  if (!first) throw new Error(`${name}: no slot was asked for`)
  const folder = join(dirname(first.onHost), named(SLOT))
  const request = await requestFor({ ...checkpoint, containerName: named(SLOT) }, folder)
  const { report } = handlerFiles(join(folder, basename(HANDLER_FOLDER)))
  return { name, sandbox, command: await launchCommand(sandbox, request), report, checksum }
}

/** Throws CriuBenchError if a start has reported another checksum. "-" stands for none. */
export function checkReported({ name, checksum = '-' }: Startable, reported: string | undefined): void {
  if (reported === checksum) return
  throw new CriuBenchError({
    failed: `cannot trust a start of ${name}`,
    found: `the checksum ${reported}`,
    expected: `the checksum ${checksum} of before the dump`,
    fix: 'report this as a bug in vitest-criu',
  })
}
