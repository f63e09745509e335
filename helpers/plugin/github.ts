import { appendFile } from 'node:fs/promises'
import type { TestCase, Vitest } from 'vitest/node'
import { annotations } from '../../reports/annotations.ts'
import { markdownReport } from '../../reports/markdown.ts'
import type { Results } from '../../reports/results.ts'
import { nameOf } from '../../reports/rows.ts'
import { reasonOf } from '../errors.ts'
import type { EndedSuite } from './ended-suites.ts'

/** In a GitHub workflow: adds the tables to the job's summary, and an annotation for each failing figure. */
export async function reportToGithub(
  results: Results,
  measured: readonly EndedSuite[],
  vitest: Vitest | undefined,
): Promise<void> {
  const summary = process.env['GITHUB_STEP_SUMMARY']
  if (summary) await appendToSummary(summary, results, vitest)
  if (process.env['GITHUB_ACTIONS'] !== 'true') return
  const tests = testsOf(measured)
  // vitest adds its own GitHub reporter unless others are configured. That reporter annotates failed tests.
  const hasGithubReporter =
    vitest?.config.reporters.some((reporter) => [reporter].flat()[0] === 'github-actions') ?? false
  const isAnnotated = (test: TestCase | undefined) => hasGithubReporter && test?.result().state === 'failed'
  const lines = annotations(
    results,
    ({ suite, figure }) => {
      const test = tests.get(`${nameOf(suite)} > ${figure.phase}`)
      return test && { file: test.module.relativeModuleId, line: test.location?.line }
    },
    ({ suite, figure }) => !isAnnotated(tests.get(`${nameOf(suite)} > ${figure.phase}`)),
  )
  for (const line of lines) vitest?.logger.log(line)
}

/** The summary is a copy of the reports: if it cannot be written, the verdict stands. */
async function appendToSummary(file: string, results: Results, vitest: Vitest | undefined): Promise<void> {
  try {
    await appendFile(file, `${markdownReport(results)}\n`)
  } catch (error) {
    vitest?.logger.warn(`the summary of the job was not written: ${reasonOf(error)}`)
  }
}

/** The tests of a run, by the names of their figures. */
const testsOf = (measured: readonly EndedSuite[]): Map<string, TestCase> =>
  new Map(
    measured.flatMap(({ suite, results }) =>
      [...suite.children.tests()].map((test) => [`${nameOf(results)} > ${test.name}`, test] as const),
    ),
  )
