import { expect, test } from 'vitest'
import { handlerNamed } from '../handlers/handler.ts'
import { withCheckpoint } from '../testing/checkpoints.ts'
import { durationOf } from '../../reports/timeline.ts'
import { DELAY_PLACES } from './injected-delay.ts'
import { strategyNamed } from '../strategies/index.ts'
import { runRestore } from './restore-run.ts'

const PHASE_OF = { launcher: 'lean container', restore: 'restore', handler: 'execution' } as const
/** Longer than any phase takes at 1MB. */
const NANOSECONDS = 50_000_000

test('an injected delay slows down its own phase, and the restore stays correct', async () => {
  const plan = { handler: handlerNamed('python'), strategies: [strategyNamed('mapped')] }
  await withCheckpoint(plan, async (checkpoint) => {
    for (const where of DELAY_PLACES) {
      const { sample } = await runRestore(checkpoint, { injectedDelay: { where, nanoseconds: NANOSECONDS } })
      expect(durationOf(sample.points, PHASE_OF[where])).toBeGreaterThanOrEqual(NANOSECONDS / 1e6)
      expect(sample.checksum).toBe(checkpoint.checksum)
    }
    const { sample } = await runRestore(checkpoint)
    expect(sample.checksum).toBe(checkpoint.checksum)
  })
})
