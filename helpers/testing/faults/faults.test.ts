import { afterAll, expect, test } from 'vitest'
import { outcomeOf, titleOf, type Cell } from './cell.ts'
import { writeReport } from './report.ts'
import { cellsOf, isLong } from './selection.ts'

const cells = cellsOf()
const outcomes = new Map<Cell, string | undefined>()
const started = Date.now()

test.each(cells.map((cell) => [titleOf(cell), cell] as const))(
  '%s: leaves nothing behind, and its results are whole or say why not',
  async (_, cell) => {
    const happened = await outcomeOf(cell, isLong)
    outcomes.set(cell, happened)
    expect(happened).toBeUndefined()
  },
  180_000,
)

afterAll(async () => {
  if (isLong && outcomes.size === cells.length) await writeReport(outcomes, started)
})
