import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { REPORTS } from '../../reports/files.ts'
import { later, recorded } from '../../reports/recorded.testing.ts'
import { holdsWithin } from '../process/wait.ts'
import { cli } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { steady } from '../testing/messages.ts'

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

/** Without a history: to find that of this project, vitest would have to be loaded. */
const report = (words: readonly string[], environment?: Record<string, string>): ReturnType<typeof cli> =>
  cli(['report', ...words, '--history', '/nonexistent'], environment)

test('report refuses a file that is not a results.json', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'results.json')
  await cp(new URL(import.meta.url), file)
  const ended = await report([file])
  expect(ended.status).toBe(1)
  expect(ended.stderr).toContain(`cannot read the results ${file}`)
  await rm(file)
  expect((await report([file])).stderr).toContain('no such file')
})

test("report does not overwrite another run's reports, unless --output names their folder", async () => {
  await using folder = await temporaryFolder()
  const [now, old] = [join(folder.path, 'results.json'), join(folder.path, 'old.json')]
  await writeFile(now, JSON.stringify(recorded))
  await writeFile(old, JSON.stringify(later(recorded, -1, 1)))
  const refused = await report([old])
  expect(refused.status).toBe(1)
  expect(steady(refused.stderr, [folder.path, 'FOLDER'])).toMatchInlineSnapshot(`
    "cannot write the reports of FOLDER/old.json to FOLDER
      found:    results.json of another run, of 2026-11-23T04:44:55.396Z
      expected: no reports there but those of this run, of 2026-11-22T04:44:55.396Z
      fix:      name a folder, whose reports are replaced: npm run report -- FOLDER/old.json --output FOLDER
    "
  `)
  expect(await readdir(folder.path)).toEqual(['old.json', 'results.json'])
  expect(await readFile(now, 'utf8')).toBe(JSON.stringify(recorded))
  const elsewhere = join(folder.path, 'elsewhere')
  expect(await report([old, '--output', elsewhere])).toMatchObject({ status: 0, stderr: '' })
  // The page alone, as somebody who shares it would keep it, is of an unknown run.
  await rm(join(elsewhere, 'results.json'))
  await rename(old, join(elsewhere, 'old.json'))
  expect((await report([join(elsewhere, 'old.json')])).stderr).toContain('results.md of an unknown run')
  expect((await report([now, '--output', elsewhere])).status).toBe(0)
  expect(JSON.parse(await readFile(join(elsewhere, 'results.json'), 'utf8'))).toMatchObject({ createdAt: recorded.createdAt }) // prettier-ignore
})

test('report --open opens the page in the program that BROWSER names, and does not wait for it', async () => {
  await using folder = await temporaryFolder()
  const [file, browser] = [join(folder.path, 'results.json'), join(folder.path, 'browser')]
  const opened = join(folder.path, 'opened')
  await writeFile(file, JSON.stringify(recorded))
  await writeFile(
    browser,
    `#!/bin/sh\necho "$1" > ${opened}.draft\nmv ${opened}.draft ${opened}\nsleep 5\n`,
    { mode: 0o755 },
  )
  const ended = await report([file, '--open'], { BROWSER: browser })
  expect(ended).toMatchObject({ status: 0, stderr: '' })
  expect(await holdsWithin(() => existsSync(opened), { limit: 5000 })).toBe(true)
  expect(await readFile(opened, 'utf8')).toBe(`${join(folder.path, 'results.html')}\n`)
  const none = await report([file, '--open'], { BROWSER: '/no/such', PATH: join(folder.path, 'bin') })
  expect(none.stderr).toContain('cannot open')
})

test('report copies the logs of CRIU that a page links to into another folder, and no other file', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'results.json')
  const [suite, ...others] = recorded.suites
  const kept = { slowest: 'logs/a.slowest.log', median: 'logs/a.median.log' }
  await writeFile(file, JSON.stringify({ ...recorded, suites: [{ ...suite, kept }, ...others] }))
  await mkdir(join(folder.path, 'logs'))
  await writeFile(join(folder.path, kept.slowest), 'slow')
  const elsewhere = join(folder.path, 'elsewhere')
  expect((await report([file, '--output', elsewhere])).status).toBe(0)
  expect(await readFile(join(elsewhere, kept.slowest), 'utf8')).toBe('slow')
  expect(await readdir(join(elsewhere, 'logs'))).toEqual(['a.slowest.log'])
})
