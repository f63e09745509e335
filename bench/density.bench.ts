/**
 * How many restored processes does this machine hold at once? Starts and holds processes of 64MB until they have 4GB in use
 * together, or there are a thousand. DENSITY=200 holds at most so many, DENSITY_MEMORY=1024MB stops there.
 */
import { describe, expect, test } from 'vitest'
import { reporting } from '../helpers/handlers/handler.ts'
import { MB } from '../helpers/index.ts'
import { fixture } from '../helpers/installation/paths.ts'
import { medianValue, reportSideBySide } from '../helpers/plugin/side-by-side.ts'
import { compile } from '../helpers/programs/compile.ts'
import { openSandbox } from '../helpers/sandbox/sandbox.ts'
import { parseSize } from '../helpers/units.ts'
import type { SideBySide } from '../reports/side-by-side.ts'
import { checkpointIn } from './checkpoint.ts'
import { hold, type Held, type Limits } from './load/held.ts'
import { restores } from './load/startable.ts'

const SIZE = 64 * MB
const LIMITS: Limits = {
  processes: Number(process.env['DENSITY'] ?? 1000),
  memory: parseSize(process.env['DENSITY_MEMORY'] ?? '4096MB', 'DENSITY_MEMORY'),
}
const STRATEGIES = ['mapped', 'lazy', 'eager'] as const
/** Percent of its memory that a process writes after the restore. */
const WRITTEN = [0, 10, 50, 100]

async function holdRestored(strategy: (typeof STRATEGIES)[number], written: number): Promise<Held> {
  const program = await compile(fixture('load/touch-handler.c'))
  const handler = reporting('staying', async () => [program], [String(written), 'in-order', 'write', 'stays'])
  const name = `vitest-criu-density-${process.pid}`
  await using sandbox = await openSandbox(name, { furtherContainers: LIMITS.processes })
  await using prepared = await checkpointIn(sandbox, { size: SIZE, strategies: [strategy], handler })
  return await hold(await restores(strategy, sandbox, prepared, LIMITS.processes), program, LIMITS)
}

const NOTE =
  'Restored processes of 64MB, held alive. In use: by how much less memory the machine has available, for each process; the ' +
  "kernel's own part is in it. PSS and private dirty memory are the mean of the processes' own accounts."

/** How many of the last starts are compared with all. */
const LAST = 20

const COLUMNS = [
  { name: 'processes', unit: '' },
  { name: 'in use each', unit: 'MB' },
  { name: 'PSS', unit: 'MB' },
  { name: 'private dirty', unit: 'MB' },
  { name: 'median start', unit: 'ms' },
  { name: `median of the last ${LAST}`, unit: 'ms' },
]

const rows: SideBySide['rows'] = []

describe('density', () => {
  for (const strategy of STRATEGIES)
    for (const written of WRITTEN)
      test(`${strategy}, ${written} % written`, async () => {
        const { starts, inUse, pss, privateDirty } = await holdRestored(strategy, written)
        const memory = [inUse / starts.length, pss, privateDirty].map((bytes) => ({ value: bytes / MB }))
        const values = [{ value: starts.length }, ...memory, medianValue(starts), medianValue(starts.slice(-LAST))] // prettier-ignore
        rows.push({ name: `${strategy}, ${written} % written`, values })
        if (strategy === 'mapped' && written === 0) expect(starts).toHaveLength(LIMITS.processes)
        expect(starts.length).toBeGreaterThan(0)
      })

  test('as a table', (context) => {
    reportSideBySide(context, { title: 'processes held alive', note: NOTE, columns: COLUMNS, rows })
    expect(rows).not.toEqual([])
  })
})
