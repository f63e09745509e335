import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../testing/folders.ts'
import { messageOf, steady } from '../testing/messages.ts'
import { doneIn, readReport, readyIn } from './report.ts'

const READY = '{"event":"ready","checksum":"abc"}\n'
const DONE =
  '{"event":"done","handlerStarted":"1795399564293533262","handlerEnded":"1795399564293533263","checksum":"abc"}\n'

/** Reads a report with that content. */
async function readingOf(content: string) {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'report')
  await writeFile(file, content)
  return await readReport(file).catch((error: Error) => {
    throw new Error(steady(error.message, [folder.path, 'FOLDER']), { cause: error })
  })
}

test('a missing or empty report has no lines yet', async () => {
  expect(await readReport('/nonexistent/report')).toEqual([])
  expect(await readingOf('')).toEqual([])
})

test('a report has both lines, with times to the nanosecond', async () => {
  const lines = await readingOf(READY + DONE)
  expect(readyIn(lines)).toEqual({ event: 'ready', checksum: 'abc' })
  expect(doneIn(lines)).toMatchObject({
    handlerStarted: 1_795_399_564_293_533_262n,
    handlerEnded: 1_795_399_564_293_533_263n,
  })
})

test('a line that is still being written is not read', async () => {
  expect(doneIn(await readingOf(READY + DONE.slice(0, -1)))).toBeUndefined()
})

test('a line that is not JSON is refused', async () => {
  expect(await messageOf(() => readingOf('ready!\n'))).toMatchInlineSnapshot(`
    "cannot read the handler's report FOLDER/report
      found:    ready!
      expected: a JSON line of event "ready" or "done", with its checksum and its time points
      fix:      let the handler append one such line when it is ready and one when it is done"
  `)
})

test('a line without a checksum is refused', async () => {
  expect(await messageOf(() => readingOf('{"event":"ready"}\n'))).toMatchInlineSnapshot(`
    "cannot read the handler's report FOLDER/report
      found:    {"event":"ready"}
      expected: a JSON line of event "ready" or "done", with its checksum and its time points
      fix:      let the handler append one such line when it is ready and one when it is done"
  `)
})
