/** Checkpoints for the benches that compare starts by themselves, without the phases of a suite. */
import type { StrategyName } from '../helpers/config/names.ts'
import { filesystem } from '../helpers/filesystems/index.ts'
import type { Handler } from '../helpers/handlers/definition.ts'
import { handlerNamed } from '../helpers/handlers/handler.ts'
import { prepare, type PreparedCheckpoint } from '../helpers/measure/prepare.ts'
import type { Sandbox } from '../helpers/sandbox/sandbox.ts'
import { strategyNamed } from '../helpers/strategies/index.ts'
import type { Bytes } from '../helpers/units.ts'

export interface CheckpointRequest {
  readonly size: Bytes
  readonly strategies: readonly StrategyName[]
  /** Default: the native handler. */
  readonly handler?: Handler
}

/** A checkpoint on tmpfs, ready to be restored by each of the strategies, in their order. */
export const checkpointIn = (
  sandbox: Sandbox,
  { size, strategies, handler = handlerNamed('native') }: CheckpointRequest,
): Promise<PreparedCheckpoint> =>
  prepare(
    sandbox,
    {
      filesystem: filesystem('tmpfs'),
      size,
      handler,
      strategies: strategies.map(strategyNamed),
      containerName: sandbox.containerName,
      iterations: 1,
      warmup: 0,
    },
    (line) => console.error(`▸ ${line}`),
  )
