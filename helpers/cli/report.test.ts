import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { REPORTS } from '../../reports/files.ts'
import { later, recorded } from '../../reports/recorded.testing.ts'
import { cli } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'

test('report writes every report of a results.json again, with a folder as its history', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'results.json')
  const history = join(folder.path, 'history')
  await mkdir(history)
  await writeFile(file, `${JSON.stringify(recorded, undefined, 2)}\n`)
  await writeFile(join(history, 'yesterday.json'), JSON.stringify(later(recorded, -1, 1)))
  const before = await readFile(file, 'utf8')
  const ended = await cli(['report', file, '--history', history])
  expect(ended).toEqual({
    status: 0,
    stdout: `${folder.path}: ${REPORTS.map(([name]) => name).join(', ')}\n`,
    stderr: '',
  })
  expect(await readdir(folder.path)).toEqual(['history', ...REPORTS.map(([name]) => name)].toSorted())
  expect(await readFile(file, 'utf8')).toBe(before)
  expect(await readFile(join(folder.path, 'results.html'), 'utf8')).toContain(
    'Median cold start in ms of 2 runs',
  )
})

test('report refuses a file that is not a results.json', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'results.json')
  await cp(new URL(import.meta.url), file)
  const ended = await cli(['report', file])
  expect(ended.status).toBe(1)
  expect(ended.stderr).toContain(`cannot read the results ${file}`)
  await rm(file)
  expect((await cli(['report', file])).stderr).toContain('no such file')
})
