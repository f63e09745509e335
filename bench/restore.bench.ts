/**
 * The reference's table as tests: for each memory size on each filesystem, how long does a dump take, and how long a
 * start from it: a lean container, the restore in it, the execution?
 */
import { describe, expect, test } from 'vitest'
import { checkpointed, hasPeer, hasReference, matrix, phasesOf } from '../helpers/index.ts'

for (const pair of matrix()) {
  for (const cell of pair) {
    describe(cell.title, () => {
      // Mounts, dumps and copies before the first of these tests, and undoes it after the last.
      const body = checkpointed(cell, pair)

      for (const phase of phasesOf(cell)) {
        test(phase, async ({ bench, annotate }) => {
          const result = await bench(phase, body).run()
          if (hasReference(cell)) expect(result).toMeetReference()
          else if (hasPeer(cell)) expect(result).toKeepUpWithTmpfs()
          else
            await annotate(
              `neither the reference nor this run's tmpfs has figures for ${cell.title}: not gated`,
            )
        })
      }
    })
  }
}
