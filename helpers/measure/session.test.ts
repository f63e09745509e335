import { expect, test } from 'vitest'
import { resolveSettings } from '../config/settings.ts'
import { CONTAINER } from '../testing/checkpoints.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { MB } from '../units.ts'
import { Group } from './session.ts'
import type { Cell } from '../matrix/matrix.ts'

const cell = (strategy: string): Cell => ({ title: `tmpfs 1MB ${strategy}`, filesystem: 'tmpfs', size: MB, strategy, handler: 'native' }) // prettier-ignore

test('what is measured once more is so in turn with a neighbour, and says where that has changed as well; dumps are their own', async () => {
  const [mapped, eager] = [cell('mapped'), cell('eager')]
  const settings = resolveSettings({ iterations: 2, warmup: 0, containerName: CONTAINER }, {})
  await expectNothingLeft(async () => {
    const lines: string[] = []
    const group = await Group.open([mapped, eager], settings, (title) => (line) => lines.push(`${title}: ${line}`)) // prettier-ignore
    try {
      await group.measure(mapped)
      const seen: number[] = []
      const quiet = await group.measureAgain(
        mapped,
        (before, now) => void seen.push(before.length, now.length),
      )
      expect(seen).toEqual([2, 2])
      expect(quiet.samples).toHaveLength(2)
      expect(lines).toContain('tmpfs 1MB mapped: differs from the baseline: once more, in turn with tmpfs 1MB eager') // prettier-ignore
      const dumps = await group.dumpAgain(mapped)
      expect(dumps).toHaveLength(2)
      // The strategies of a pair share their dumps, these as well.
      expect(await group.dumpAgain(eager)).toBe(dumps)
      const { samples } = await group.measureAgain(mapped, () => 1.5)
      for (const { noise } of samples)
        expect(noise).toContain('tmpfs 1MB eager, its neighbour, took 1.50 × as long as before')
    } finally {
      await group.close()
    }
  })
})

test('as many samples and dumps are taken as the time has room for', async () => {
  const settings = resolveSettings({ iterations: 1, time: 500, warmup: 0, containerName: CONTAINER }, {})
  await expectNothingLeft(async () => {
    const mapped = cell('mapped')
    const group = await Group.open([mapped], settings, () => () => {})
    try {
      const { samples, prepared } = await group.measure(mapped)
      expect(samples.length).toBeGreaterThan(2)
      expect(prepared.dumps.length).toBeGreaterThan(2)
      // On a filesystem without servers each has its control.
      for (const { control } of [...samples, ...prepared.dumps]) expect(control).toBeGreaterThan(0)
    } finally {
      await group.close()
    }
  })
})
