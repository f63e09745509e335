import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../testing/folders.ts'
import { messageOf, steady } from '../testing/messages.ts'
import { doneIn, readReport, readyIn } from './report.ts'

const READY = '{"event":"ready","checksum":"abc"}\n'
const DONE =
  '{"event":"done","handlerStarted":"1795399564293533262","handlerEnded":"1795399564293533263","checksum":"abc"}\n'

/** What is read from a report with that content. */
async function reading(content: string) {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'report')
  await writeFile(file, content)
  return await readReport(file).catch((error: Error) => {
    throw new Error(steady(error.message, [folder.path, 'FOLDER']), { cause: error })
  })
}

test('a report that is missing or empty has no lines yet', async () => {
  expect(await readReport('/nonexistent/report')).toEqual([])
  expect(await reading('')).toEqual([])
})

test('a report gives both lines, times to the nanosecond', async () => {
  const lines = await reading(READY + DONE)
  expect(readyIn(lines)).toEqual({ event: 'ready', checksum: 'abc' })
  expect(doneIn(lines)).toMatchObject({
    handlerStarted: 1_795_399_564_293_533_262n,
    handlerEnded: 1_795_399_564_293_533_263n,
  })
})

test('a line that is still being written is not read', async () => {
  expect(doneIn(await reading(READY + DONE.slice(0, -1)))).toBeUndefined()
})

test('a line that is not JSON is refused', async () => {
  expect(await messageOf(() => reading('ready!\n'))).toMatchInlineSnapshot(`
    "cannot read the handler's report FOLDER/report
      found:    ready!
      expected: a JSON line of event "ready" or "done" with its checksum and times
      fix:      let the handler append one such line when it is ready, one when it is done"
  `)
})

test('a line without a checksum is refused', async () => {
  expect(await messageOf(() => reading('{"event":"ready"}\n'))).toMatchInlineSnapshot(`
    "cannot read the handler's report FOLDER/report
      found:    {"event":"ready"}
      expected: a JSON line of event "ready" or "done" with its checksum and times
      fix:      let the handler append one such line when it is ready, one when it is done"
  `)
})
