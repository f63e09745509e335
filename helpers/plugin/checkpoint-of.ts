import { inject } from 'vitest'
import { filesystem, whileMounted } from '../filesystems/index.ts'
import type { Handler } from '../handlers/definition.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { openSandbox } from '../sandbox/sandbox.ts'
import { phaseOf, phasesFor } from '../../reports/timeline.ts'
import { prepare } from '../measure/prepare.ts'
import { strategyNamed } from '../strategies/index.ts'
import { runTrial } from '../restore/restore-run.ts'
import { MB, type Bytes, type Milliseconds } from '../units.ts'

/** One start from a checkpoint: its phases by name, and the checksum, which is that from before the dump. */
export interface RestoredRun {
  readonly phases: ReadonlyMap<string, Milliseconds>
  readonly checksum: string
}

/** A dumped process, for a `test()` of your own: start from it any number of times; disposing of it leaves nothing. */
export interface DumpedProcess extends AsyncDisposable {
  /** CRIU's own total for the dump. */
  readonly dump: Milliseconds
  /** Starts a lean container, restores the process in it, and lets it run. Throws CriuBenchError for a wrong restore. */
  restore(): Promise<RestoredRun>
}

export interface CheckpointOptions {
  /** Bytes that the handler touches; its own memory where it has no sizes. */
  readonly size?: Bytes
  readonly filesystem?: string
  readonly strategy?: string
}

let opened = 0

/**
 * Dumps a process of that handler, ready to be restored:
 * `await using checkpoint = await checkpointOf(hello)`, then `await checkpoint.restore()`.
 */
export async function checkpointOf(
  of: Handler | string,
  options: CheckpointOptions = {},
): Promise<DumpedProcess> {
  const handler = typeof of === 'string' ? handlerNamed(of) : of
  const { size = handler.memory ?? MB, filesystem: on = 'tmpfs', strategy = 'mapped' } = options
  await using undo = new AsyncDisposableStack()
  const sandbox = undo.use(await openSandbox(`vitest-criu-own-${process.pid}-${opened++}`))
  const plan = {
    filesystem: filesystem(on),
    size,
    handler,
    strategies: [strategyNamed(strategy)],
    containerName: sandbox.containerName,
    baseImage: inject('criu').baseImage,
    iterations: 1,
    warmup: 0,
  }
  const prepared = undo.use(await prepare(sandbox, plan, () => {}))
  const [checkpoint] = prepared.checkpoints
  if (!checkpoint) throw new Error(`${strategy} prepared nothing`)
  const owned = undo.move()
  return {
    dump: prepared.dumps[0]?.total ?? Number.NaN,
    restore: async () => {
      const { sample } = await whileMounted(prepared.mounted, runTrial(checkpoint))
      const phases = phasesFor(handler, checkpoint.restorable.fromScratch === true)
      return {
        phases: new Map(phases.map((phase) => [phase, phaseOf(sample.points, phase)])),
        checksum: sample.checksum,
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
