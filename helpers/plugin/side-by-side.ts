import type { TestContext } from 'vitest'
import type { TestModule } from 'vitest/node'
import type { SideBySide, SideBySideValue } from '../../reports/side-by-side.ts'
import { intervalOfMedian, medianOf } from '../stats/bootstrap.ts'

declare module 'vitest' {
  interface TaskMeta {
    /** On a test: what it compared, for the reporter. */
    criuSideBySide?: SideBySide[]
  }
}

/** Puts a table into the results of the run: results.json, the terminal and the page. */
export function reportSideBySide({ task }: Pick<TestContext, 'task'>, table: SideBySide): void {
  task.meta.criuSideBySide = [...(task.meta.criuSideBySide ?? []), table]
}

/** The median of at least one sample, with its 95 % interval if there are 5 or more. */
export function medianValue(samples: readonly number[]): SideBySideValue {
  const interval = intervalOfMedian(samples)
  return { value: medianOf(samples), n: samples.length, ...(interval && { interval: [...interval] }) }
}

/** The tables of all tests that have ended. */
export const sideBySideOf = (modules: readonly TestModule[]): SideBySide[] =>
  modules.flatMap((module) =>
    [...module.children.allTests()].flatMap((test) => test.meta().criuSideBySide ?? []),
  )
