import type { TestModule } from 'vitest/node'
import { CriuBenchError } from '../errors.ts'
import { originalSource } from './pattern.ts'

/** The error of a run whose `-t` selects no test. vitest itself would exit with 0, although nothing was measured. */
export function selectsNothing(
  pattern: RegExp | undefined,
  modules: readonly TestModule[],
): CriuBenchError | undefined {
  const tests = modules.flatMap((module) => [...module.children.allTests()])
  if (!pattern || tests.some((test) => test.result().state !== 'skipped')) return undefined
  const suites = modules
    .flatMap((module) => [...module.children.allSuites()])
    .filter((suite) => suite.meta().criuCase !== undefined)
  if (suites.length === 0) return undefined
  // Two files may have suites with the same title, and all suites have the same phases.
  const titles = new Set(suites.map(({ name }) => name))
  const phases = new Set(suites.flatMap((suite) => [...suite.children.tests()].map(({ name }) => name)))
  return new CriuBenchError({
    failed: `nothing was measured: -t ${originalSource(pattern)} selects no test`,
    found: 'no suite or phase that matches',
    expected: `one of the suites ${[...titles].join(', ')}, or of the phases ${[...phases].join(', ')}`,
    fix: "correct the pattern, for example: npx vitest bench -t 'tmpfs 64MB'",
  })
}

/** A line for each reason why tests skipped themselves. Tests that `-t` left out have no reason. */
export function skipReasons(modules: readonly TestModule[]): Set<string> {
  const results = modules.flatMap((module) =>
    [...module.children.allTests('skipped')].map((test) => test.result()),
  )
  return new Set(
    results.flatMap((result) => (result.state === 'skipped' && result.note ? `skipped: ${result.note}` : [])),
  )
}
