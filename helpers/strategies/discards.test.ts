import { describe, expect, test } from 'vitest'
import { withCheckpoints } from '../testing/checkpoints.ts'
import { outcomeOf, RIGHT, scene } from '../testing/scenes.ts'
import { MB } from '../units.ts'
import { restoringNames, strategyNamed } from './index.ts'
import { startRestore, type Checkpoint } from '../restore/restore-run.ts'

/** Processes that give memory back after the restore: what they gave back must read as zeros, as it did before. */
const DISCARDS = [
  'discard-direct',
  'discard-locked',
  'discard-free',
  'discard-readonly',
  'discard-partial',
  'discard-child',
  'discard-guardpages',
  'discard-refused',
  'discard-mremap',
  'discard-trim',
  'discard-realloc',
  'discard-jemalloc',
]

/** Those among them that go wrong on memory mapped from a file that nobody guards. */
const HAZARDS = [
  'discard-direct',
  'discard-readonly',
  'discard-partial',
  'discard-child',
  'discard-trim',
  'discard-realloc',
  'discard-mremap',
  'discard-jemalloc',
]

const SIZE = 8 * MB

async function play(checkpoint: Checkpoint): Promise<object> {
  const { folder, ended } = await startRestore(checkpoint)
  const outcome = await ended.then(
    () => outcomeOf(folder),
    (error: Error) => ({ failed: error.message }),
  )
  return outcome
}

const unguarded = (checkpoint: Checkpoint): Checkpoint => ({
  ...checkpoint,
  restorable: { ...checkpoint.restorable, guard: undefined },
})

describe('memory that a restored process discards', () => {
  test.each(DISCARDS)('is as if it had never been dumped, whatever the strategy: %s', async (name) => {
    const plan = { handler: scene(name), size: SIZE, strategies: restoringNames.map(strategyNamed) }
    await withCheckpoints(plan, async (checkpoints) => {
      for (const checkpoint of checkpoints) {
        expect(await play(checkpoint), checkpoint.restorable.strategy).toEqual(RIGHT)
      }
    })
  })

  test.each(HAZARDS)('comes back from the backing file without the guard: %s', async (name) => {
    const plan = { handler: scene(name), size: SIZE, strategies: [strategyNamed('mapped')] }
    await withCheckpoints(plan, async ([checkpoint]) => {
      if (!checkpoint) throw new Error('no checkpoint')
      expect(await play(unguarded(checkpoint))).not.toEqual(RIGHT)
    })
  })

  test('is told in the sample: how many calls were answered, how many bytes zeroed', async () => {
    const plan = { handler: scene('discard-direct'), size: SIZE, strategies: [strategyNamed('mapped')] }
    await withCheckpoints(plan, async ([checkpoint]) => {
      if (!checkpoint) throw new Error('no checkpoint')
      // The scene discards one half of its memory twice: once as dumped, once written anew.
      const { sample } = await (await startRestore(checkpoint)).ended
      expect(sample.guard).toEqual({ notifications: 2, zeroedBytes: SIZE, refused: 0 })
    })
  })
})
