import { markdownTable } from 'markdown-table'
import { expect, test } from 'vitest'
import { durationOf } from '../../../reports/timeline.ts'
import { handlerNamed } from '../../handlers/handler.ts'
import { measureControl } from '../../measure/control.ts'
import { runRestore, type Checkpoint } from '../../restore/restore-run.ts'
import { medianOf, varianceOfMedian } from '../../stats/bootstrap.ts'
import { runningMedian } from '../../stats/running-median.ts'
import { strategyNamed } from '../../strategies/index.ts'
import { MB } from '../../units.ts'
import { withCheckpoint } from '../checkpoints.ts'
import { RESOURCES, usageOf } from './usage.ts'

/** `npm run soak` takes 1000 restores; `npm test` a few. */
const isLong = process.env['SOAK'] === 'all'
const RESTORES = isLong ? 1000 : 30
/** How many of the first and of the last are compared. */
const PART = isLong ? 100 : 10
/** The last may take this much longer than the first, divided by the control: twice the noise of a quiet machine. */
const DRIFT = 1.1

const durations: number[] = []
const controls: number[] = []

async function restore(checkpoint: Checkpoint): Promise<void> {
  controls.push(await measureControl(checkpoint.host))
  const { points } = (await runRestore(checkpoint)).sample
  durations.push(durationOf(points, 'cold start') ?? Number.NaN)
}

/** How many times as long as the first the last ones took, divided by the controls around each: least, ratio, most. */
function drift(): { least: number; ratio: number; most: number } {
  const machine = runningMedian(controls, 7)
  const corrected = durations.map((duration, index) => duration / (machine[index] ?? Number.NaN))
  const parts = [corrected.slice(0, PART), corrected.slice(-PART)]
  const [first = 1, last = 1] = parts.map(medianOf)
  const relative = parts.map((part) => varianceOfMedian(part) / medianOf(part) ** 2)
  // The interval of 95 % of a ratio of two independent medians.
  const error = 1.96 * Math.sqrt(relative.reduce((sum, each) => sum + each, 0))
  const ratio = last / first
  return { least: ratio * Math.exp(-error), ratio, most: ratio * Math.exp(error) }
}

test(
  `${RESTORES} restores of 16MB use up nothing, and do not get slower`,
  { timeout: 1_800_000 },
  async () => {
    const plan = { size: 16 * MB, handler: handlerNamed('python'), strategies: [strategyNamed('mapped')] }
    await withCheckpoint(plan, async (checkpoint) => {
      while (durations.length < PART) await restore(checkpoint)
      const before = await usageOf(checkpoint)
      while (durations.length < RESTORES) await restore(checkpoint)
      const after = await usageOf(checkpoint)
      const rows = RESOURCES.map(({ name, allowed, format }, index) => {
        const [then = 0, now = 0] = [before[index], after[index]]
        return {
          name,
          cells: [format(then), format(now), format(now - then)],
          hasGrown: now - then > allowed,
        }
      })
      const { least, ratio, most } = drift()
      const header = ['', `after ${PART} restores`, `after ${RESTORES}`, 'growth']
      console.log(markdownTable([header, ...rows.map(({ name, cells }) => [name, ...cells])], { align: ['l', 'r', 'r', 'r'] })) // prettier-ignore
      console.log(
        `cold start, last ${PART} / first ${PART}: ${ratio.toFixed(3)} × (${least.toFixed(3)} to ${most.toFixed(3)}), divided by the control`,
      )
      // Ten samples on a busy machine say nothing about time.
      if (isLong && least >= DRIFT) rows.push({ name: 'time', cells: [], hasGrown: true })
      expect(rows.filter(({ hasGrown }) => hasGrown).map(({ name }) => name)).toEqual([])
    })
  },
)
