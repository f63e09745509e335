import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { markdownTable } from 'markdown-table'
import { fingerprint } from '../../machine/fingerprint.ts'
import { PROJECT } from '../commands.ts'
import { titleOf, type Cell } from './cell.ts'
import { MOMENTS } from './moments.ts'

type Outcomes = ReadonlyMap<Cell, string | undefined>

/** Writes helpers/FAULTS.md: a table for each filesystem, and what has happened where a cell did not hold. */
export async function writeReport(outcomes: Outcomes, started: number): Promise<void> {
  const { kernel, cpu, cpus, cgroup, node } = await fingerprint()
  const minutes = ((Date.now() - started) / 60_000).toFixed(0)
  const failed = [...outcomes].filter(([, happened]) => happened !== undefined)
  const text = [
    '# Faults',
    `Written by \`npm run faults\` at ${new Date(started).toISOString()}, in ${minutes} minutes: ${outcomes.size} runs, each with one fault; ${outcomes.size - failed.length} held. Kernel ${kernel}, ${cpus} × ${cpu}, cgroup ${cgroup}, Node ${node}.`,
    INTRODUCTION,
    ...[...Map.groupBy(outcomes, ([{ filesystem }]) => filesystem)].flatMap(([filesystem, cells]) => [
      `## ${filesystem}`,
      ...tables(new Map(cells), failed),
    ]),
    ...(failed.length > 0 ? ['## What happened', failed.map(finding).join('\n\n')] : []),
  ].join('\n\n')
  await writeFile(join(PROJECT, 'helpers/FAULTS.md'), `${text}\n`)
}

const INTRODUCTION = `A cell **held** (✓) if the run ended by itself within 90 s, left nothing, and told the truth:

- No mount, process, cgroup, ledger, loop device, network interface, System V object, file in \`/dev/shm\`, \`/tmp\`, \`/var/tmp\` or the
  work folder, and no draft in the cache, is left of it 20 s later. Files in memory take less than 32 MB more than before. Namespaces outlive a run
  only through one of these. Where the supervisor was killed, \`npm run clean\` comes first.
- Exit status 0 means whole results. Results that lack the suite are marked as incomplete. After STOP+CONT, and beside a second run, the
  status is 0.

A signal arrives at the moment that the column names, in a run of 64MB of the Python handler with strategy eager. A target that does not
exist at a moment has no cell. STOP lasts 0.4 s; CONT goes to the process group, as from a shell's \`fg\`: nsenter(1), which enters the
sandbox, stops itself with its child. A single process that is continued without it ends the run with an error at its time limit. A step of the clock is injected into the time points of a handler: CLOCK_REALTIME belongs to the whole
machine.`

function tables(outcomes: Outcomes, failed: ReadonlyArray<readonly [Cell, unknown]>): string[] {
  const mark = (cell: Cell): string => {
    const number = failed.findIndex(([each]) => each === cell)
    return number === -1 ? '✓' : `✗ ${number + 1}`
  }
  const byFault = [...Map.groupBy(outcomes.keys(), ({ fault }) => fault.name)]
  const whole = byFault.filter(([, cells]) => cells.every(({ moment }) => moment === undefined))
  const rows = byFault
    .filter((row) => !whole.includes(row))
    .map(([name, cells]) => [
      name,
      ...MOMENTS.map(({ name: moment }) => {
        const cell = cells.find((each) => each.moment?.name === moment)
        return cell ? mark(cell) : ''
      }),
    ])
  const table = markdownTable([['fault', ...MOMENTS.map(({ name }) => name)], ...rows])
  if (whole.length === 0) return [table]
  return [
    table,
    markdownTable([['fault', 'whole run'], ...whole.map(([name, cells]) => [name, ...cells.map(mark)])]),
  ]
}

const finding = ([cell, happened]: readonly [Cell, string | undefined], index: number): string =>
  `${index + 1}. ${titleOf(cell)}\n\n   \`\`\`text\n${(happened ?? '').replaceAll(/^/gm, '   ')}\n   \`\`\``
