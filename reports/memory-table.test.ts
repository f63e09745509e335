import { expect, test } from 'vitest'
import { memoryTable } from './memory-table.ts'
import { recorded } from './recorded.testing.ts'

test('the table of memory says how much of what is copied processes share, if there is any', () => {
  const suite = recorded.suites.find(({ samples }) => samples.some(({ memory }) => memory))
  if (!suite) throw new Error('the recorded run has no memory')
  expect(memoryTable([suite])).not.toContain('shared')
  const table = memoryTable([suite, { ...suite, size: suite.size + 1, shared: 64 * 2 ** 20 }])
  expect(table).toMatch(/^\| of it shared \(MB\) +\| +0\.0 \| +64\.0 \|$/m)
})
