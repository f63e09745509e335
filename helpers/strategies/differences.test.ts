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

test('a mapped process sees the backing file and the filter in /proc, and cannot have a seccomp listener', async () => {
  expect((await restored('differs-visibly', 'mapped')).outcome).toEqual(RIGHT)
})

test('an eager process sees none of that', async () => {
  expect((await restored('differs-visibly', 'eager')).outcome).toEqual({ ...RIGHT, surprises: 4 })
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
