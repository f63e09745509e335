import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../helpers/testing/folders.ts'
import { readHistory, readResults } from '../helpers/results/read.ts'
import { seriesOf } from './history.ts'
import { later, recorded } from './recorded.testing.ts'

const earlier = later(recorded, -1, 2)

test('reads a folder of results, oldest first, and lists the files that are not results', async () => {
  await using folder = await temporaryFolder()
  const files = { 'b.json': later(recorded, -1, 1), 'a.json': recorded, 'c.json': later(recorded, -2, 1), 'd.json': recorded, 'x.json': { version: 99 } } // prettier-ignore
  for (const [name, content] of Object.entries(files))
    await writeFile(join(folder.path, name), JSON.stringify(content))
  await writeFile(join(folder.path, 'notes.md'), '# ignored')
  const { runs, unreadable } = await readHistory(folder.path)
  const times = runs.map(({ createdAt }) => createdAt)
  expect(times).toEqual(times.toSorted())
  expect(times).toHaveLength(3)
  expect(unreadable).toEqual(['x.json'])
})

test('reads a missing folder as an empty history', async () => {
  await expect(readHistory('/nonexistent')).resolves.toEqual({ runs: [], unreadable: [] })
})

test('a series ends with the current run and contains it once', () => {
  const [series] = seriesOf(recorded, { runs: [earlier, recorded], unreadable: [] })
  expect(series?.key).toBe('tmpfs 1MB mapped python > dump')
  expect(series?.points.map(({ createdAt }) => createdAt)).toEqual([earlier.createdAt, recorded.createdAt])
})

test('a series has no runs on other hardware and no later runs', () => {
  const foreign = { ...earlier, fingerprint: { ...earlier.fingerprint, cpu: 'another' } }
  const kernel = { ...earlier, fingerprint: { ...earlier.fingerprint, kernel: '7.0' } }
  expect(seriesOf(recorded, { runs: [foreign, later(recorded, 1, 1)], unreadable: [] })).toEqual([])
  expect(seriesOf(recorded, { runs: [kernel], unreadable: [] })).not.toEqual([])
})

test('rejects unreadable results with the path and a fix', async () => {
  await expect(readResults('/nonexistent/results.json')).rejects.toThrowErrorMatchingInlineSnapshot(`
    [CriuBenchError: cannot read the results /nonexistent/results.json
      found:    no such file
      expected: a results.json of version 2 or earlier
      fix:      write results by a run: npx vitest bench --run]
  `)
})
