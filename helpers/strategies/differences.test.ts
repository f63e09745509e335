import { expect, test } from 'vitest'
import { withCheckpoints } from '../testing/checkpoints.ts'
import { outcomeOf, RIGHT, scene } from '../testing/scenes.ts'
import { MB } from '../units.ts'
import { startRestore } from '../restore/restore-run.ts'
import { strategyNamed } from './index.ts'

// The table "Where mapped and eager differ" in helpers/README.md.

/** Restores a scene, and returns what it counted, and what the launcher did. */
const restored = (name: string, strategy: string, size = 8 * MB) =>
  withCheckpoints(
    { handler: scene(name), size, strategies: [strategyNamed(strategy)] },
    async ([checkpoint]) => {
      if (!checkpoint) throw new Error('no checkpoint')
      const { folder, ended } = await startRestore(checkpoint)
      const { sample } = await ended
      return { outcome: await outcomeOf(folder), guard: sample.guard }
    },
  )

/** Scenes that expect what is so on mapped memory, and how many of their expectations eager memory does not meet. */
const DIFFERENT = [
  ['the backing file and the filter are in /proc, and a seccomp listener is refused', 'differs-visibly', 4],
  ['memory counts as that of a file', 'differs-counted', 5],
  ['a thread that waits while memory is copied returns EINTR', 'differs-stopped', 1],
  ['a program’s own data takes neither guard pages nor process_madvise', 'differs-data', 2],
] as const

test.each(DIFFERENT)('mapped, but not eager: %s', async (_, name, different) => {
  expect((await restored(name, 'mapped')).outcome).toEqual(RIGHT)
  expect((await restored(name, 'eager')).outcome.surprises).toBe(different)
})

test('MADV_FREE frees at once, and MADV_COLLAPSE finds nothing where memory was discarded', async () => {
  expect((await restored('differs-freed', 'mapped')).outcome).toEqual(RIGHT)
})

test('a signal that restarts nothing may end a discard with EINTR: nothing is discarded, and the next call works', async () => {
  expect((await restored('differs-signals', 'mapped')).outcome).toEqual(RIGHT)
})

test('after 1,024 discards of separate pieces, zeros are written', async () => {
  const pieces = (12 * MB) / 8192
  const { outcome, guard } = await restored('differs-pieces', 'mapped', 12 * MB)
  expect(outcome).toEqual(RIGHT)
  expect(guard).toMatchObject({
    discardedBytes: 1024 * 4096,
    zeroedBytes: (pieces - 1024) * 4096,
  })
})
