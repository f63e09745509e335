import type { TestContext } from 'vitest'
import type { TestModule } from 'vitest/node'
import type { SideBySide } from '../../reports/side-by-side.ts'

declare module 'vitest' {
  interface TaskMeta {
    /** On a test: what it compared, for the reporter. */
    criuSideBySide?: SideBySide[]
  }
}

/** Puts a table into the results of the run: results.json, the terminal and the page. */
export function report({ task }: Pick<TestContext, 'task'>, table: SideBySide): void {
  task.meta.criuSideBySide = [...(task.meta.criuSideBySide ?? []), table]
}

/** The tables of all tests that have ended. */
export const reportedIn = (modules: readonly TestModule[]): SideBySide[] =>
  modules.flatMap((module) =>
    [...module.children.allTests()].flatMap((test) => test.meta().criuSideBySide ?? []),
  )
