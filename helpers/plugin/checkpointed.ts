import { aroundAll, beforeEach, inject } from 'vitest'
import type { RunnerTask } from 'vitest'
import { strategyNamed } from '../strategies/index.ts'
import { confirm } from './confirm.ts'
import { defineBody, type Body } from './suite-run.ts'
import { Group } from '../measure/session.ts'
import type { Cell } from '../matrix/matrix.ts'
import { progressOf } from './progress.ts'
import { suiteRun } from '../measure/suite-results.ts'

/**
 * Gives the enclosing `describe(cell.title, …)` its checkpoint: mounted, dumped and copied before the first test of
 * `group` that `-t` selects, gone without trace after the last; nothing happens where it selects none. What it returns
 * is the measured body, for `bench(phase, body)`: one run of it gives every phase. Cells of a group are set up together
 * and measured in turn, round by round, so that their figures can be compared.
 */
export function checkpointed(cell: Cell, group: readonly Cell[] = [cell]): Body {
  const settings = inject('criu')
  const shared = sharingOf(group)
  const missing = missingFor(cell)
  if (missing !== undefined) beforeEach(({ skip }) => skip(`${cell.title}: ${missing}`))
  // oxlint-disable-next-line no-empty-pattern -- vitest asks for a pattern in second place
  aroundAll(async (runSuite, {}, suite) => {
    const selected = group.filter(
      (each) => missingFor(each) === undefined && isSelected(suite.file.tasks, each.title),
    )
    if (!selected.includes(cell)) return runSuite()
    shared.open ??= Group.open(selected, settings, progressOf)
    shared.left ??= selected.length
    try {
      await shared.open
      await runSuite()
    } finally {
      shared.left -= 1
      if (shared.left === 0) await (await shared.open.catch(() => undefined))?.close()
    }
  })
  return defineBody(async () => {
    if (!shared.open) throw new Error(`${cell.title} was not prepared: call checkpointed() inside describe()`)
    const opened = await shared.open
    const run = suiteRun(cell, await opened.measure(cell), settings)
    const again = await confirm(opened, cell, run.record)
    return again ? { ...run, record: { ...run.record, again } } : run
  })
}

/** Why this machine cannot run a suite; undefined where it can, and for a file system asked for by name, which fails. */
const missingFor = ({ filesystem, strategy }: Cell): string | undefined =>
  inject('criuMissing')[filesystem] ?? strategyNamed(strategy).missing?.()

/** What the suites of one group have in common while they run. */
interface Sharing {
  open?: Promise<Group>
  /** Suites that still need it. */
  left?: number
}

const sharings = new WeakMap<readonly Cell[], Sharing>()

function sharingOf(group: readonly Cell[]): Sharing {
  const known = sharings.get(group) ?? {}
  sharings.set(group, known)
  return known
}

/** Whether the suite of that title has a test that will run. */
const isSelected = (tasks: readonly RunnerTask[], title: string): boolean =>
  tasks.some(
    (task) => task.type === 'suite' && (task.name === title ? willRun(task) : isSelected(task.tasks, title)),
  )

const willRun = (task: RunnerTask): boolean =>
  task.mode !== 'skip' && task.mode !== 'todo' && (task.type === 'test' || task.tasks.some(willRun))
