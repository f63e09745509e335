import { afterAll } from 'vitest'
import { tmpfs } from '../filesystems/tmpfs.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { openSandbox, type Sandbox } from '../sandbox/sandbox.ts'
import { prepare, type CheckpointPlan } from '../measure/prepare.ts'
import { strategyNamed } from '../strategies/index.ts'
import type { Checkpoint } from '../restore/restore-run.ts'
import { MB } from '../units.ts'
import { expectNothingLeft } from './leaks.ts'

/** The name of this test file's containers. */
export const CONTAINER = `vitest-criu-test-${process.pid}`

/** The sandbox of this test file, opened by the first checkpoint: a run also prepares all its suites in one. */
let sandboxOfFile: Promise<Sandbox> | undefined
afterAll(async () => (await sandboxOfFile)?.[Symbol.asyncDispose]())

/**
 * Runs `action` on a checkpoint: 1MB of the native handler on tmpfs with strategy eager, unless `plan` says otherwise.
 */
export const withCheckpoint = <T>(
  plan: Partial<CheckpointPlan>,
  action: (checkpoint: Checkpoint) => Promise<T>,
): Promise<T> =>
  withCheckpoints(plan, async ([checkpoint]) => {
    if (!checkpoint) throw new Error('the plan has no strategy, so there is no checkpoint')
    return action(checkpoint)
  })

/** Like withCheckpoint, but with a checkpoint for each strategy of `plan`. */
export async function withCheckpoints<T>(
  plan: Partial<CheckpointPlan>,
  action: (checkpoints: readonly Checkpoint[]) => Promise<T>,
): Promise<T> {
  const sandbox = await (sandboxOfFile ??= openSandbox(CONTAINER))
  return expectNothingLeft(async () => {
    await using prepared = await prepare(
      sandbox,
      {
        filesystem: tmpfs,
        size: MB,
        handler: handlerNamed('native'),
        strategies: [strategyNamed('eager')],
        containerName: CONTAINER,
        iterations: 1,
        warmup: 0,
        ...plan,
      },
      () => {},
    )
    return await action(prepared.checkpoints)
  })
}
