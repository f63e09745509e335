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
