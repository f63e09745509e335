import Builder from 'fast-xml-builder'
import type { Results, SuiteResults } from './results.ts'
import { hasFailed, nameOf, rowsOf, sentenceOf, verdictOf, type Row } from './rows.ts'

type Property = readonly [name: string, value: string | number | undefined]

/**
 * junit.xml: a suite a (filesystem, size, strategy, handler), a case a phase, whose time is the median in seconds. All
 * figures are properties, in ms; what fails the gate is a failure.
 */
export function junitReport(results: Results): string {
  const builder = new Builder({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    format: true,
    suppressEmptyNode: true,
  })
  const rows = rowsOf(results)
  return builder.build({
    '?xml': { '@version': '1.0', '@encoding': 'UTF-8' },
    testsuites: {
      '@name': 'vitest-criu',
      '@tests': rows.length,
      '@failures': rows.filter(hasFailed).length,
      testsuite: results.suites.map((suite) => suiteElement(suite, results)),
    },
  })
}

function suiteElement(suite: SuiteResults, results: Results): object {
  const { createdAt, fingerprint } = results
  const { filesystem, strategy, size, handler, cold, mapped, copied, baseImage, mounted } = suite
  const rows = rowsOf({ ...results, suites: [suite] })
  const own = {
    filesystem,
    strategy,
    size,
    handler,
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
    properties: properties([...Object.entries(own), ...Object.entries(fingerprint)]),
    testcase: rows.map(caseElement),
  }
}

function caseElement(row: Row): object {
  const { median, mean, min, max, sd, n, verdict: gate, baseline } = row.figure
  const verdict = verdictOf(row)
  const held: Property[] = [
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
      ...held,
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

/** Without an exponent, which a schema's decimal does not know. */
const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(6)

/** Milliseconds to the nanosecond: what is beyond is the binary fraction's. */
const rounded = (value: number): number => Number(value.toFixed(6))
