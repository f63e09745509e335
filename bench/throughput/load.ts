/** A load of starts on this machine, which a program of its own makes: this process would be its limit. */
import { join } from 'node:path'
import { HANDLER_FOLDER, handlerFiles } from '../../helpers/handlers/handler.ts'
import { launchCommand } from '../../helpers/container/launcher.ts'
import { fixture } from '../../helpers/installation/paths.ts'
import { run } from '../../helpers/process/process.ts'
import { compile } from '../../helpers/programs/compile.ts'
import { requestFor, type Checkpoint } from '../../helpers/restore/restore-run.ts'
import { layOutSample } from '../../helpers/restore/sample-folder.ts'
import type { Sandbox } from '../../helpers/sandbox/sandbox.ts'
import { basename } from 'node:path'

/** Stands for the number of a slot in a command: each of the starts at once has a container and files of its own. */
const SLOT = '{slot}'

/** Something that can be started any number of times, several at once. */
export interface Starts {
  readonly name: string
  readonly sandbox: Sandbox
  readonly command: readonly string[]
  /** Where a start reports its end; missing if it ends itself. */
  readonly report?: string
  /** What each must report. */
  readonly checksum?: string
}

/** How starts are asked for. */
export interface Load {
  /** At most this many at once. */
  readonly slots: number
  readonly starts: number
  /** Starts a second that are due, whether or not earlier ones have ended. Missing: each slot starts again and again. */
  readonly rate?: number
}

/** What became of a load. Durations in ms. */
export interface Carried {
  /** From the moment when a start was due to its end, ascending. */
  readonly latencies: readonly number[]
  /** Starts a second, from the first start to the last end. */
  readonly rate: number
  /** Processor time of a start. */
  readonly user: number
  readonly system: number
}

/** Lean containers without a restore: they run a program that ends at once. */
export async function containers(sandbox: Sandbox, rootfs: string): Promise<Starts> {
  const nothing = await compile(fixture('load/nothing.c'))
  const name = `${sandbox.containerName}.${SLOT}`
  const request = { name, rootfs, command: [nothing], readOnlyRoot: true, timeout: LIMIT }
  return { name: 'lean container', sandbox, command: await launchCommand(sandbox, request) }
}

/** Restores of a checkpoint. Each slot has a folder of its own, which its restores use one after the other. */
export async function restores(
  name: string,
  sandbox: Sandbox,
  checkpoint: Checkpoint,
  slots: number,
): Promise<Starts> {
  const { handler, rootfs: dumped } = checkpoint
  const named = (slot: string) => `${sandbox.containerName}.${slot}`
  const folders = Array.from({ length: slots }, (_, slot) =>
    layOutSample({ host: sandbox, handler, dumped, lock: '1', containerName: named(String(slot)) }),
  )
  const [{ onHost } = { onHost: '' }] = await Promise.all(folders)
  const folder = onHost.replace(named('0'), named(SLOT))
  const request = await requestFor({ ...checkpoint, containerName: named(SLOT) }, folder)
  const { report } = handlerFiles(join(folder, basename(HANDLER_FOLDER)))
  return {
    name,
    sandbox,
    command: await launchCommand(sandbox, request),
    report,
    checksum: checkpoint.checksum,
  }
}

const LIMIT = 120_000

/** Applies a load. Throws CriuBenchError if a start fails, or one reports another checksum. */
export async function apply(starts: Starts, { slots, starts: count, rate = 0 }: Load): Promise<Carried> {
  const { sandbox, command, report = '-', checksum = '-' } = starts
  const { stdout } = await run(sandbox, {
    argv: [
      await compile(fixture('load/load.c')),
      String(slots),
      String(count),
      String(rate),
      report,
      ...command,
    ],
    failed: `cannot start ${starts.name} ${slots} at once`,
    fix: 'free memory, or start fewer at once',
    timeout: LIMIT,
  })
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' '))
  const [, user, system] = lines.pop() ?? []
  const wrong = lines.find((line) => line[3] !== checksum)
  if (wrong)
    throw new Error(`${starts.name}: a start reported the checksum ${wrong[3]} instead of ${checksum}`)
  const first = BigInt(lines[0]?.[1] ?? 0)
  const times = lines.map(([due = '0', , ended = '0']) => ({ due: BigInt(due), ended: BigInt(ended) }))
  const last = times.reduce((latest, { ended }) => (ended > latest ? ended : latest), first)
  return {
    latencies: times.map(({ due, ended }) => Number(ended - due) / 1e6).toSorted((one, other) => one - other),
    rate: count / (Number(last - first) / 1e9),
    user: Number(user) / 1e6 / count,
    system: Number(system) / 1e6 / count,
  }
}
