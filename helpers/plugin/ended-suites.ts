import type { TestSuite } from 'vitest/node'
import type { SuiteResults } from '../../reports/results.ts'
import { nameOf } from '../../reports/rows.ts'

/** A suite of vitest's, with its results. */
export interface EndedSuite {
  readonly suite: TestSuite
  readonly results: SuiteResults
}

/**
 * The suites that have ended, each with its file and project. Where suites of several files or projects have the same
 * name, `apart` tells them apart.
 */
export function endedSuites(suites: readonly TestSuite[]): EndedSuite[] {
  const measured = suites.flatMap((suite) => {
    const { criu } = suite.meta()
    return criu ? [{ suite, results: { ...criu, ...placeOf(suite) } }] : []
  })
  return [...Map.groupBy(measured, ({ results }) => nameOf(results)).values()]
    .flatMap((alike) => (alike.length === 1 ? alike : toldApart(alike)))
    .toSorted((one, other) => measured.findIndex(({ suite }) => suite === one.suite) - measured.findIndex(({ suite }) => suite === other.suite)) // prettier-ignore
}

/** Where a suite is declared. The benchmarks of a project without a name have none. */
function placeOf({ project, module }: TestSuite): Pick<SuiteResults, 'file' | 'project'> {
  const name = projectName(project)
  return { file: module.relativeModuleId, ...(name !== '' && { project: name }) }
}

/** The name that the user gave: vitest calls the benchmarks of the project "unit" "unit (bench)", and of none "bench". */
export const projectName = ({ name }: TestSuite['project']): string => name.replace(/(^| \()bench\)?$/, '')

/** Names what differs: project, file, enclosing suites, and where nothing does, the number. */
function toldApart(alike: readonly EndedSuite[]): EndedSuite[] {
  const kinds = [
    ({ results }: EndedSuite) => results.project ?? '',
    ({ results }: EndedSuite) => results.file ?? '',
    ({ suite }: EndedSuite) => suite.fullName.split(' > ').slice(0, -1).join(' > '),
  ].filter((kind) => new Set(alike.map(kind)).size > 1)
  const words = alike.map((each) => kinds.flatMap((kind) => kind(each) || []).join(' > '))
  return alike.map((each, index) => {
    const word = words[index] ?? ''
    const number = words.slice(0, index).filter((earlier) => earlier === word).length + 1
    const isUnique = words.filter((other) => other === word).length === 1
    const apart = isUnique ? word : `${word} ${number}`.trim()
    return { ...each, results: { ...each.results, ...(apart !== '' && { apart }) } }
  })
}
