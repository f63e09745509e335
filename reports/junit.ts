import { stripVTControlCharacters } from 'node:util'
import Builder from 'fast-xml-builder'
import type { Results, SuiteResults } from './results.ts'
import { hasFailed, nameOf, rowsOf, sentenceOf, verdictOf, type Row } from './rows.ts'

type Property = readonly [name: string, value: string | number | undefined]

/**
 * junit.xml. A testsuite is a combination of filesystem, size, strategy and handler; a testcase is a phase. The time of
 * a testcase is its median in seconds. Its properties have all figures in ms. A figure that fails the run is a failure.
 */
export function junitReport(results: Results): string {
  const builder = new Builder({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    format: true,
    suppressEmptyNode: true,
  })
  const rows = rowsOf(results)
  const xml = builder.build({
    '?xml': { '@version': '1.0', '@encoding': 'UTF-8' },
    testsuites: {
      '@name': 'vitest-criu',
      '@tests': rows.length,
      '@failures': rows.filter(hasFailed).length,
      '@errors': results.incomplete === undefined ? 0 : 1,
      testsuite: [...results.suites.map((suite) => suiteElement(suite, results)), ...runElement(results)],
    },
  })
  return printable(xml)
}

/** Without colours, and without the control characters that XML 1.0 cannot hold. Error messages have both. */
const printable = (xml: string): string =>
  // oxlint-disable-next-line no-control-regex
  stripVTControlCharacters(xml).replaceAll(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g, '\uFFFD')

/** The run itself, as an error: suites that did not end are in no other element. */
const runElement = ({ incomplete }: Results): object[] =>
  incomplete === undefined
    ? []
    : [
        {
          '@name': 'the run',
          '@tests': 1,
          '@failures': 0,
          '@errors': 1,
          testcase: {
            '@name': 'measures every suite',
            '@classname': 'the run',
            error: { '@message': incomplete, '@type': 'incomplete' },
          },
        },
      ]

function suiteElement(suite: SuiteResults, results: Results): object {
  const { createdAt, fingerprint } = results
  const { filesystem, strategy, size, handler, criu, cold, mapped, copied, baseImage, mounted } = suite
  const rows = rowsOf({ ...results, suites: [suite] })
  const attributes = {
    filesystem,
    strategy,
    size,
    handler,
    ...(criu && { criu: `${criu.name} ${criu.version} ${criu.hash}` }),
    cold: String(cold ?? false),
    mapped,
    copied,
    baseImage,
    mounted,
  }
  return {
    '@name': nameOf(suite),
    '@tests': rows.length,
    '@failures': rows.filter(hasFailed).length,
    '@errors': 0,
    '@skipped': 0,
    '@time': seconds(rows.reduce((sum, { figure }) => sum + figure.median, 0)),
    '@timestamp': createdAt.replace(/\.\d+Z$/, ''),
    properties: properties([...Object.entries(attributes), ...Object.entries(fingerprint)]),
    testcase: rows.map(caseElement),
  }
}

function caseElement(row: Row): object {
  const { median, mean, min, max, sd, n, verdict: gate, baseline } = row.figure
  const verdict = verdictOf(row)
  const comparisons: Property[] = [
    ['reference', gate.reference],
    ['ratio', gate.ratio],
    ['tolerance', gate.tolerance],
    ['baseline', baseline?.median],
    ['baseline ratio', baseline?.ratio],
    ['baseline interval', baseline?.interval.join(' ')],
  ]
  return {
    '@name': row.figure.phase,
    '@classname': nameOf(row.suite),
    '@time': seconds(median),
    properties: properties([
      ...Object.entries({ median, mean, min, max, sd, n }),
      ...comparisons,
      ['verdict', verdict],
    ]),
    ...(hasFailed(row) && { failure: { '@message': sentenceOf(row), '@type': verdict } }),
    'system-out': sentenceOf(row),
  }
}

const properties = (given: readonly Property[]): object => ({
  property: given
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ({
      '@name': name,
      '@value': typeof value === 'number' ? rounded(value) : value,
    })),
})

/** Fixed-point, because xs:decimal has no exponent. */
const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(6)

/** Milliseconds, rounded to nanoseconds to hide binary fractions. */
const rounded = (value: number): number => Number(value.toFixed(6))
