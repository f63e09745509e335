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
] as const

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
] as const

type Scene = (typeof DISCARDS | typeof ALIKE)[number]

/** Those of them that fail on mapped memory without the guard. */
const HAZARDS: ReadonlySet<string> = new Set<Scene>([
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
])

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
  // oxlint-disable-next-line vitest/expect-expect -- expectRight()
  test.each(DISCARDS)('reads as zeros, or as the program’s file, with every strategy: %s', (name) =>
    expectRight(name, restoringNames),
  )

  // oxlint-disable-next-line vitest/expect-expect -- expectRight()
  test.each(ALIKE)('is as anonymous memory to each call, mapped as with eager: %s', (name) =>
    expectRight(name, ['eager', 'mapped']),
  )

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

/** Restores a scene with each strategy; a hazard then without the guard as well, which must change what it reads. */
async function expectRight(name: string, strategies: readonly string[]): Promise<void> {
  const plan = { handler: scene(name), size: SIZE, strategies: strategies.map(strategyNamed) }
  await withCheckpoints(plan, async (checkpoints) => {
    for (const checkpoint of checkpoints) {
      const { strategy } = checkpoint.restorable
      expect(await outcomeAfterRestore(checkpoint), strategy).toEqual(RIGHT)
      if (strategy !== 'mapped' || !HAZARDS.has(name)) continue
      expect(await outcomeAfterRestore(unguarded(checkpoint)), 'without the guard').not.toEqual(RIGHT)
    }
  })
}

async function guardOf(name: string) {
  const plan = { handler: scene(name), size: SIZE, strategies: [strategyNamed('mapped')] }
  return withCheckpoints(plan, async ([checkpoint]) => {
    if (!checkpoint) throw new Error('no checkpoint')
    return (await (await startRestore(checkpoint)).ended).sample.guard
  })
}
