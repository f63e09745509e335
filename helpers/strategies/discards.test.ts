import { describe, expect, test } from 'vitest'
import { withCheckpoints } from '../testing/checkpoints.ts'
import { outcomeOf, RIGHT, scene } from '../testing/scenes.ts'
import { MB } from '../units.ts'
import { restoringNames, strategyNamed } from './index.ts'
import { startRestore, type Checkpoint } from '../restore/restore-run.ts'

/** Processes that discard memory after the restore. Discarded memory must then read as zeros. */
const DISCARDS = [
  'discard-direct',
  'discard-locked',
  'discard-free',
  'discard-readonly',
  'discard-partial',
  'discard-child',
  'discard-refused',
  'discard-mremap',
  'discard-between',
  'discard-data',
  'discard-brk',
  'discard-heap',
  'discard-trim',
  'discard-realloc',
  'discard-jemalloc',
]

/**
 * Processes whose calls must work as on anonymous memory. In `lazy` some of this memory is CRIU's to fill: the kernel does not
 * tell its page server of guard pages, so what had not arrived before them arrives after them.
 */
const ALIKE = [
  'discard-guardpages',
  'alike-mixed',
  'alike-userfault',
  'alike-sealed',
  'alike-returned',
  'alike-advised',
  'alike-growing',
  'alike-signals',
  'alike-traced',
  'alike-reserved',
  'alike-compat',
]

/** Scenes that fail on mapped memory without the guard. */
const HAZARDS = [
  'discard-direct',
  'discard-readonly',
  'discard-partial',
  'discard-child',
  'discard-data',
  'discard-brk',
  'discard-heap',
  'discard-trim',
  'discard-realloc',
  'discard-mremap',
  'discard-between',
  'discard-jemalloc',
  'discard-guardpages',
  'discard-refused',
  'alike-mixed',
  'alike-userfault',
  'alike-returned',
  'alike-growing',
  'alike-reserved',
  'alike-compat',
]

const SIZE = 8 * MB

async function outcomeAfterRestore(checkpoint: Checkpoint): Promise<object> {
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
  test.each(DISCARDS)('reads as zeros, or as the program’s file, with every strategy: %s', async (name) => {
    const plan = { handler: scene(name), size: SIZE, strategies: restoringNames.map(strategyNamed) }
    await withCheckpoints(plan, async (checkpoints) => {
      for (const checkpoint of checkpoints) {
        expect(await outcomeAfterRestore(checkpoint), checkpoint.restorable.strategy).toEqual(RIGHT)
      }
    })
  })

  test.each(ALIKE)('is as anonymous memory to each call, mapped as with eager: %s', async (name) => {
    const plan = { handler: scene(name), size: SIZE, strategies: ['eager', 'mapped'].map(strategyNamed) }
    await withCheckpoints(plan, async (checkpoints) => {
      for (const checkpoint of checkpoints) {
        expect(await outcomeAfterRestore(checkpoint), checkpoint.restorable.strategy).toEqual(RIGHT)
      }
    })
  })

  test.each(HAZARDS)('reads as the backing file without the guard: %s', async (name) => {
    const plan = { handler: scene(name), size: SIZE, strategies: [strategyNamed('mapped')] }
    await withCheckpoints(plan, async ([checkpoint]) => {
      if (!checkpoint) throw new Error('no checkpoint')
      expect(await outcomeAfterRestore(unguarded(checkpoint))).not.toEqual(RIGHT)
    })
  })

  test('is counted in the sample: handled calls, and bytes that became anonymous memory', async () => {
    expect(await guardOf('discard-direct')).toEqual({
      // The scene discards half of its memory twice: first as it was dumped, then after writing to it.
      notifications: 2,
      discardedBytes: SIZE / 2,
      keptBytes: 0,
      zeroedBytes: 0,
      refused: 0,
    })
    // Grown and moved with its contents.
    expect((await guardOf('discard-mremap'))?.keptBytes).toBe(SIZE)
    // Written over with zeros, as nobody can replace the memory of a traced thread.
    expect((await guardOf('alike-traced'))?.zeroedBytes).toBeGreaterThanOrEqual(SIZE / 2)
  })
})

async function guardOf(name: string) {
  const plan = { handler: scene(name), size: SIZE, strategies: [strategyNamed('mapped')] }
  return withCheckpoints(plan, async ([checkpoint]) => {
    if (!checkpoint) throw new Error('no checkpoint')
    return (await (await startRestore(checkpoint)).ended).sample.guard
  })
}
