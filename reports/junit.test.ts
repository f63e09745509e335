import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { junitReport } from './junit.ts'
import { judged, recorded } from './recorded.testing.ts'
import { hasFailed, rowsOf, sentenceOf } from './rows.ts'

/** The elements, required attributes and types that readers of JUnit's XML rely on. */
const Property = z.strictObject({ '@name': z.string(), '@value': z.string() })
const Case = z.strictObject({
  '@name': z.string(),
  '@classname': z.string(),
  '@time': z.string().regex(/^\d+\.\d+$/),
  properties: z.strictObject({ property: z.array(Property) }),
  failure: z.array(z.strictObject({ '@message': z.string(), '@type': z.string() })).optional(),
  'system-out': z.string(),
})
const count = z.string().regex(/^\d+$/).transform(Number)
const Suite = z.strictObject({
  '@name': z.string(),
  '@tests': count,
  '@failures': count,
  '@errors': count,
  '@skipped': count,
  '@time': z.string(),
  '@timestamp': z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/),
  properties: z.strictObject({ property: z.array(Property) }),
  testcase: z.array(Case),
})
const Document = z.object({
  testsuites: z.strictObject({
    '@name': z.string(),
    '@tests': count,
    '@failures': count,
    '@errors': count,
    testsuite: z.array(Suite),
  }),
})

function parsed(xml: string) {
  expect(XMLValidator.validate(xml)).toBe(true)
  const lists = new Set(['testsuite', 'testcase', 'property', 'failure'])
  const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '@', parseTagValue: false, parseAttributeValue: false, isArray: (name) => lists.has(name) }) // prettier-ignore
  return Document.parse(parser.parse(xml)).testsuites
}

test('has a testsuite for each suite and a testcase for each phase, whose time is the median', () => {
  const suites = parsed(junitReport(recorded)).testsuite
  expect(suites.map((suite) => suite['@name'])).toEqual(recorded.suites.map(({ title }) => `${title} python`))
  const times = suites.flatMap(({ testcase }) => testcase.map((each) => Number(each['@time']) * 1000))
  const medians = rowsOf(recorded).map(({ figure }) => figure.median)
  expect(times.map((time, index) => Math.abs(time - (medians[index] ?? 0)) <= 0.0005)).not.toContain(false)
})

test('has all figures of a phase as properties', () => {
  const [restore] =
    parsed(junitReport(judged)).testsuite[0]?.testcase.filter((each) => each['@name'] === 'restore') ?? []
  const figure = judged.suites[0]?.figures.find(({ phase }) => phase === 'restore')
  const found = Object.fromEntries(
    restore?.properties.property.map((each) => [each['@name'], each['@value']]) ?? [],
  )
  expect(Number(found['median'])).toBeCloseTo(figure?.median ?? Number.NaN, 6)
  expect(found).toMatchObject({
    n: '5',
    reference: '5',
    tolerance: '2',
    'baseline ratio': String(figure?.baseline?.ratio),
  })
})

test('has a failure with all figures for every miss and regression, and for no other phase', () => {
  const report = parsed(junitReport(judged))
  const failures = report.testsuite.flatMap(({ testcase }) => testcase.flatMap(({ failure = [] }) => failure))
  const expected = rowsOf(judged).filter(hasFailed).map(sentenceOf)
  expect(failures.map((failure) => failure['@message'])).toEqual(expected)
  expect(report['@failures']).toBe(expected.length)
  expect(new Set(failures.map((failure) => failure['@type']))).toEqual(new Set(['miss', 'regression']))
  expect(report.testsuite.reduce((sum, suite) => sum + suite['@failures'], 0)).toBe(expected.length)
})

test('is XML even if an error message has colours and other control characters', () => {
  const xml = junitReport({
    ...recorded,
    incomplete: 'a \u001B[31mred\u001B[39m message,\u0000 <cut> & "quoted"',
  })
  expect(XMLValidator.validate(xml)).toBe(true)
  // XML 1.0 has no way to write these, not even as an entity.
  // oxlint-disable-next-line no-control-regex
  expect(xml).not.toMatch(/[\u0000-\u0008\u000B\u000C\u000E-\u001F]|&#/)
  expect(xml).toContain('&lt;cut&gt; &amp; &quot;quoted&quot;')
})
