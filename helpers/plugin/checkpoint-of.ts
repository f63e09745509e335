import { durationOf, type PhaseName } from '../../reports/timeline.ts'
import type { FilesystemName, HandlerName, StrategyName } from '../config/names.ts'
import { closeFilesystems, filesystem, whileMounted } from '../filesystems/index.ts'
import type { Handler } from '../handlers/definition.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { runPhases } from '../matrix/phases.ts'
import { prepare } from '../measure/prepare.ts'
import { runRestore } from '../restore/restore-run.ts'
import { openSandbox } from '../sandbox/sandbox.ts'
import { strategyNamed } from '../strategies/index.ts'
import { MB, parseSize, type Bytes, type Milliseconds } from '../units.ts'
import { isBenchmark, testSettings } from './context.ts'

/** The result of one start from a checkpoint. */
export interface RestoredRun {
  /** Durations of the phases, in ms. */
  readonly phases: ReadonlyMap<PhaseName, Milliseconds>
  /** The handler's checksum, which is the same as before the dump. */
  readonly checksum: string
}

/** A dumped process for a `test()`. It can be restored any number of times. Disposing of it removes everything. */
export interface DumpedProcess extends AsyncDisposable {
  /** CRIU's own total for the dump, ms. */
  readonly dump: Milliseconds
  /**
   * Starts a lean container, restores the process in it and lets it execute. Throws CriuBenchError if the restore fails
   * or the restored process returns another checksum.
   */
  restore(): Promise<RestoredRun>
}

export interface CheckpointOptions {
  /** Memory that the handler touches: in bytes, or as "64MB". Default: the handler's own `memory`, or 1MB. */
  readonly size?: Bytes | string
  readonly filesystem?: FilesystemName
  readonly strategy?: StrategyName
}

let opened = 0
/** The checkpoints that are not disposed of. */
let live = 0

export async function checkpointOf(
  of: Handler | HandlerName,
  options: CheckpointOptions = {},
): Promise<DumpedProcess> {
  const handler = typeof of === 'string' ? handlerNamed(of) : of
  const { size = handler.memory ?? MB, filesystem: on = 'tmpfs' } = options
  const strategy = strategyNamed(options.strategy ?? 'mapped')
  const { baseImage, ceph, criuOn } = testSettings()
  await using undo = new AsyncDisposableStack()
  const sandbox = undo.use(await openSandbox(`vitest-criu-own-${process.pid}-${opened++}`))
  const plan = {
    filesystem: filesystem(on),
    size: parseSize(size, 'size of checkpointOf()'),
    handler,
    strategies: [strategy],
    containerName: sandbox.containerName,
    baseImage,
    ceph,
    criuOn,
    iterations: 1,
    warmup: 0,
  }
  const prepared = undo.use(await prepare(sandbox, plan, () => {}))
  const [checkpoint] = prepared.checkpoints
  if (!checkpoint) throw new Error(`${strategy.name} prepared nothing`)
  const owned = undo.move()
  live += 1
  return {
    dump: prepared.dumps[0]?.total ?? Number.NaN,
    restore: async () => {
      const { sample } = await whileMounted(prepared.mounted, runRestore(checkpoint))
      const phases = runPhases(handler, strategy)
      return {
        phases: new Map(phases.map((phase) => [phase, durationOf(sample.points, phase) ?? Number.NaN])),
        checksum: sample.checksum,
      }
    },
    [Symbol.asyncDispose]: () => close(owned),
  }
}

async function close(owned: AsyncDisposableStack): Promise<void> {
  await owned.disposeAsync()
  live -= 1
  // In a benchmark, suites share a test cluster until the end of the file.
  if (live === 0 && !isBenchmark()) await closeFilesystems()
}
