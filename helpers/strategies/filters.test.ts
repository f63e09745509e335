import { expect, test } from 'vitest'
import { handlerNamed } from '../handlers/handler.ts'
import { runRestore } from '../restore/restore-run.ts'
import { withCheckpoint } from '../testing/checkpoints.ts'
import { MB } from '../units.ts'
import { strategyNamed } from './index.ts'

// What a filter must allow: helpers/images/mapped/seccomp.test.ts. Filters that refuse calls of CRIU: helpers/testing/zdtm.
test('memory of a process that may not use io_uring is mapped in spite of its filter', async () => {
  const plan = { handler: handlerNamed('node-http'), size: 256 * MB, strategies: [strategyNamed('mapped')] }
  await withCheckpoint(plan, async (checkpoint) => {
    expect(checkpoint.restorable.mapped).toBeGreaterThan(10 * MB)
    expect((await runRestore(checkpoint)).sample.checksum).toBe(checkpoint.checksum)
  })
})
