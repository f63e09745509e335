import { expect, test } from 'vitest'
import { recorded } from '../recorded.testing.ts'
import { sizesCharts } from './sizes.ts'

const dashedLines = (reference?: number): number => {
  const results = structuredClone(recorded)
  for (const { verdict } of results.suites.flatMap(({ figures }) => figures))
    if (reference !== undefined) verdict.reference = reference
  return String(sizesCharts(results)).split('stroke-dasharray').length
}

test.each([0, -1])('a limit of %d ms, which a log axis does not have, has no line', (reference) => {
  expect(dashedLines(reference)).toBeLessThan(dashedLines())
})

test('each median has its confidence interval as a line', () => {
  const results = structuredClone(recorded)
  const drawn = () => String(sizesCharts(results)).match(/ at 95 % \(n=\d+\)/g) ?? [] // prettier-ignore
  const lines = () => String(sizesCharts(results)).split('<line ').length
  const before = lines()
  expect(drawn()).toEqual([])
  const cold = results.suites.flatMap(({ figures }) => figures.filter(({ phase }) => phase === 'cold start'))
  for (const figure of cold) figure.interval = [figure.median * 0.9, figure.median * 1.1]
  expect(lines()).toBe(before + cold.length)
  expect(drawn()).toHaveLength(cold.length)
})
